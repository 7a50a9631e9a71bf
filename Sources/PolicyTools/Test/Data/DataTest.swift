// A test as data: a fleet over time, what happens in it, and what is expected.

import FleetConfiguration
import FleetEngine
import LuaRuntime

/// A test of a TOML fixture, read and checked as far as that needs no policy.
struct DataTest {
  var name: String
  var position: FilePosition
  /// Between two values of a series. At each step the policy is asked about alerts and pools.
  var interval: Duration = .seconds(10)
  var seed: UInt64 = 1
  var kernels: [DataKernel] = []
  var pools: [DataPool] = []
  var items: [DataItem] = []
  var invariants: [DataCondition] = []
  /// How many steps there are beside the first, at time 0.
  var steps = 0
}

/// A kernel, or several that are alike.
struct DataKernel {
  var count: Int
  var fields: [(key: String, field: DataField)]
  var position: FilePosition
  /// Where each field stands.
  var positions: [String: FilePosition]
}

/// A pool, and the rules of its scaling.
struct DataPool {
  var pool: Pool
  /// `waiting` and `arrivals`.
  var fields: [(key: String, field: DataField)]
  /// How long a new kernel takes to answer.
  var startDelay: Duration
  var position: FilePosition
}

/// A value, or one for each step.
enum DataField {
  case constant(LuaValue)
  case series(Series)
  case list([LuaValue])

  func value(at step: Int) -> LuaValue {
    switch self {
    case .constant(let value): value
    case .series(let series): series[step].map(LuaValue.plain) ?? .nil
    case .list(let values): values.isEmpty ? .nil : values[min(step, values.count - 1)]
    }
  }

  var steps: Int {
    switch self {
    case .constant: 1
    case .series(let series): series.count
    case .list(let values): values.count
    }
  }
}

/// Something at a time: an event, a question, an expectation.
struct DataItem {
  var at: Duration
  var position: FilePosition
  var content: Content

  enum Content {
    /// The kernel with this name gets these values, which last.
    case set(kernel: String, [(key: String, field: DataField)])
    case remove(kernel: String)
    case add(DataKernel)
    case reload
    case ask(DataAsk)
    case expect(DataExpectation)
  }
}

struct DataAsk {
  var entry: EntryPoint
  /// What is asked about: a request, an exit.
  var subject: LuaValue
  /// The pool or the kernel that it is about.
  var name: String?
  /// Nil: not compared.
  var answer: LuaValue?
  var reason: String?
  var hasNoOpinion: Bool
  /// A pattern that the failure's message matches.
  var fails: String?
}

struct DataExpectation {
  /// All that are pending or firing, and perhaps some that are resolved; nil: not compared.
  var alerts: [LuaValue]?
  /// By pool: values of some of `wanted asked kernels free used starting draining reason clamps`.
  var pools: [(name: String, fields: LuaTable)] = []
  var condition: DataCondition?
}

/// An expression in Lua.
struct DataCondition {
  var text: String
  var position: FilePosition
}

extension LuaValue {
  init(_ node: TOMLNode) {
    switch node.content {
    case .string(let text), .dateTime(let text): self = .text(text)
    case .integer(let number): self = .integer(number)
    case .float(let number): self = .number(number)
    case .boolean(let value): self = .boolean(value)
    case .array(let nodes): self = .sequence(nodes.map { LuaValue($0) })
    case .table(let table):
      self = .table(
        LuaTable(
          pairs: table.keys.sorted().compactMap { key in
            table[key].map { LuaTable.Pair(.text(key), LuaValue($0)) }
          }))
    }
  }
}
