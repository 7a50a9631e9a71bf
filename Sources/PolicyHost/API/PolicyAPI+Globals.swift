// Global variables of a policy: what Fleet adds, and what the sandbox leaves of Lua's own library.

extension PolicyAPI {
  static let memory = Class(
    name: "fleet.Memory",
    doc: "Plain data that the host keeps between decisions and reloads, in fields of any name: `memory.count = 1`.",
    methods: [
      Function(
        "map", [("name", "string"), ("capacity", "integer")], ["fleet.Map"],
        "A map on the host's side, for what would be too large for a table: `memory.map(\"seen\", 10000)`."
      )
    ], callsWithDot: true)

  static let map = Class(
    name: "fleet.Map",
    doc: "Strings, numbers and booleans by key; when it is full, what was used longest ago makes room.",
    methods: [
      Function("get", [("key", "string|number|boolean")], ["string|number|boolean|nil"], "What is kept, or nil."),
      Function(
        "set", [("key", "string|number|boolean"), ("value", "string|number|boolean|nil")], [], isPure: false,
        "Keeps a value."),
      Function("delete", [("key", "string|number|boolean")], [], isPure: false, "Forgets a key."),
      Function("count", [], ["integer"], "How many."),
    ], isReadOnly: true)

  /// What Fleet adds to Lua.
  public static let functions: [Function] = [
    Function("now", [], ["number"], "Seconds on a clock that never goes back. For differences only."),
    Function(
      "random", [("low?", "integer"), ("high?", "integer")], ["number"],
      "As `math.random`, seeded by the host for each decision."),
    Function("log", [("...", "any")], [], isPure: false, "A line in the host's log; 64 a decision at most."),
  ]

  /// Global variables that are no functions, and the classes of their values.
  public static let variables: [(name: String, type: String)] = [("memory", "fleet.Memory")]

  /// What is left of Lua's own functions.
  public static let luaFunctions = [
    "assert", "error", "getmetatable", "ipairs", "pairs", "pcall", "print", "rawequal", "rawget", "rawlen", "select",
    "setmetatable", "tonumber", "tostring", "type", "xpcall",
  ]

  /// What is left of Lua's own libraries.
  public static let libraries: [String: [String]] = [
    "coroutine": ["close", "create", "isyieldable", "resume", "running", "status", "wrap", "yield"],
    "math": [
      "abs", "acos", "asin", "atan", "ceil", "cos", "deg", "exp", "floor", "fmod", "huge", "log", "max", "maxinteger",
      "min", "mininteger", "modf", "pi", "rad", "random", "sin", "sqrt", "tan", "tointeger", "type", "ult",
    ],
    "string": [
      "byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "pack", "packsize", "rep", "reverse",
      "sub", "unpack", "upper",
    ],
    "table": ["concat", "insert", "move", "pack", "remove", "sort", "unpack"],
    "utf8": ["char", "charpattern", "codepoint", "codes", "len", "offset"],
  ]

  /// Of Lua's own library, and not there; with what to do instead.
  public static let absent: [String: String] = [
    "io": "a policy reads and writes no files; 'log' writes a line into the host's log",
    "os": "a policy does not reach the system; 'now()' is the clock",
    "require": "a policy is one file", "package": "a policy is one file", "dofile": "a policy is one file",
    "loadfile": "a policy is one file", "load": "a policy does not make code",
    "debug": "a policy does not look into the interpreter", "collectgarbage": "the host collects garbage",
    "next": "its order differs from run to run; 'pairs' goes by sorted keys",
    "rawset": "write 't[key] = value'", "warn": "'log' writes a line into the host's log",
  ]

  /// All global names.
  public static var globalNames: [String] {
    ["_G", "_VERSION"] + functions.map(\.name) + variables.map(\.name) + luaFunctions + libraries.keys.sorted()
  }

  /// Whether a call of `library.name` makes no sense without its result.
  public static func isPure(_ library: String, _ name: String) -> Bool {
    switch library {
    case "math", "string", "utf8": true
    case "table": ["concat", "pack", "unpack"].contains(name)
    default: false
    }
  }
}
