// What a client may say about a kernel that it wants, before anything is looked up.
import FleetEngine
import JSON

/// The body of `POST /kernels` and `POST /find`; nil is "not said".
public struct SpawnRequest: Sendable {
  public var language: String?
  public var config: String?
  public var kernelspec: String?
  public var port: Int?
  public var name: String?
  public var memory: String?
  public var cpu: String?
  public var nice: String?
  public var processes: String?
  public var openFiles: String?
  public var fileSize: String?
  public var environment: [String: String] = [:]
  public var labels: [String: String] = [:]
  public var pool: String?
  public var owner: String?
  public var provider: String?
  public var model: String?
  public var session: String?
  public var bestEffort = false
  /// Not of the body: tells whether the request came before.
  public var key: RequestKey?

  /// How long texts may be, in code points, and how many labels there may be.
  public enum Most {
    public static let text = 256
    public static let config = 4096
    public static let labels = 64
    public static let labelName = 63
    public static let labelValue = 256
  }

  public init() {}

  /// - Throws: `badRequest` that names the member that is unknown or of the wrong kind.
  public init(json: JSON) throws(EngineError) {
    guard case .object(let members) = json else {
      throw EngineError(.badRequest, "the body must be a JSON object, not \(json.kind)")
    }
    for (name, value) in members.sorted(by: { $0.key < $1.key }) where !value.isNull { try take(name, value) }
  }

  private mutating func take(_ name: String, _ value: JSON) throws(EngineError) {
    switch name {
    case "language": language = try Self.string(name, value)
    case "config": config = try Self.string(name, value)
    case "kernelspec": kernelspec = try Self.string(name, value)
    case "name": self.name = try Self.string(name, value)
    case "pool": pool = try Self.string(name, value)
    case "owner": owner = try Self.string(name, value)
    case "provider": provider = try Self.string(name, value)
    case "model": model = try Self.string(name, value)
    case "session": session = try Self.string(name, value)
    case "memory_limit", "memory": memory = try Self.scalar(name, value)
    case "cpu_limit", "cpu": cpu = try Self.scalar(name, value)
    case "nice": nice = try Self.scalar(name, value)
    case "processes": processes = try Self.scalar(name, value)
    case "open_files": openFiles = try Self.scalar(name, value)
    case "file_size": fileSize = try Self.scalar(name, value)
    case "port":
      guard let number = value.int, let exact = Int(exactly: number) else {
        throw Self.wrong(name, "an integer", value)
      }
      port = exact
    case "best_effort":
      guard let flag = value.bool else { throw Self.wrong(name, "true or false", value) }
      bestEffort = flag
    case "env_vars": environment = try Self.variables(name, value)
    case "labels": labels = try Self.labels(name, value)
    default: throw EngineError(.badRequest, "unknown member '\(name)'\(Self.hint(name))")
    }
  }

  private static let known = [
    "language", "config", "kernelspec", "name", "pool", "owner", "provider", "model", "session", "memory_limit",
    "cpu_limit", "nice", "processes", "open_files", "file_size", "port", "best_effort", "env_vars", "labels",
  ]

  private static func hint(_ name: String) -> String {
    let near = known.first { $0.hasPrefix(name) || name.hasPrefix($0) }
    return near.map { "; did you mean '\($0)'?" } ?? "; known are \(known.sorted().joined(separator: ", "))"
  }

  private static func wrong(_ name: String, _ expected: String, _ value: JSON) -> EngineError {
    EngineError(.badRequest, "'\(name)' must be \(expected), not \(value.kind)")
  }

  private static func string(_ name: String, _ value: JSON) throws(EngineError) -> String {
    guard let text = value.string else { throw wrong(name, "a string", value) }
    return try plain(name, text, most: name == "config" ? Most.config : Most.text)
  }

  /// What is kept with the kernel and shown on terminals: bounded, and without control characters.
  private static func plain(_ name: String, _ text: String, most: Int) throws(EngineError) -> String {
    guard text.unicodeScalars.count <= most else {
      throw EngineError(.badRequest, "'\(name)' is longer than \(most) characters")
    }
    guard !text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
      throw EngineError(.badRequest, "'\(name)' holds a control character")
    }
    return text
  }

  private static func labels(_ name: String, _ value: JSON) throws(EngineError) -> [String: String] {
    let labels = try strings(name, value)
    guard labels.count <= Most.labels else { throw EngineError(.badRequest, "more than \(Most.labels) labels") }
    for (key, text) in labels {
      _ = try plain("a label", key, most: Most.labelName)
      _ = try plain("\(name).\(key)", text, most: Most.labelValue)
    }
    return labels
  }

  /// A number or its text, as command lines and people write limits.
  private static func scalar(_ name: String, _ value: JSON) throws(EngineError) -> String {
    if let text = value.string { return text }
    // 1048576.0 is as whole as 1048576.
    if let number = value.int { return "\(number)" }
    guard value.double != nil else { throw wrong(name, "a number or a string such as \"512M\"", value) }
    return value.text()
  }

  private static func strings(_ name: String, _ value: JSON) throws(EngineError) -> [String: String] {
    guard case .object(let members) = value else { throw wrong(name, "an object of strings", value) }
    var result: [String: String] = [:]
    for (key, member) in members {
      guard let text = member.string else { throw wrong("\(name).\(key)", "a string", member) }
      result[key] = text
    }
    return result
  }

  /// Values are not told in errors: most of them are secrets.
  private static func variables(_ name: String, _ value: JSON) throws(EngineError) -> [String: String] {
    let variables = try strings(name, value)
    for (key, value) in variables.sorted(by: { $0.key < $1.key }) {
      guard !key.isEmpty, !key.utf8.contains(where: { $0 == 0 || $0 == UInt8(ascii: "=") }) else {
        throw EngineError(.badRequest, "'\(name)' has the name '\(key)', which no variable can have")
      }
      guard !value.utf8.contains(0) else {
        throw EngineError(.badRequest, "'\(name).\(key)' holds a null character, which no variable can hold")
      }
    }
    return variables
  }

  var requirements: Requirements {
    get throws(EngineError) {
      Requirements(
        language: language, kernelspec: kernelspec, config: config, provider: provider, model: model,
        memory: try memory.map(Resolver.memory), labels: labels, owner: owner, session: session)
    }
  }
}
