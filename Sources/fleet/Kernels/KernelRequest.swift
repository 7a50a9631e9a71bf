// What spawn, find, repl and run say about the kernel they want, as the body of a request.
import ArgumentParser
import FleetConfiguration
import Glibc
import JSON

/// What a kernel must have to be found.
struct RequirementOptions: ParsableArguments {
  @Option(help: "The language, such as lua or python.")
  var language: String?

  @Option(help: "The kernel config: a path, or a name such as openai.", completion: .file(extensions: ["toml"]))
  var config: String?

  @Option(help: "The provider of its language model, such as openai.")
  var provider: String?

  @Option(help: "Its language model.")
  var model: String?

  @Option(help: "At least this limit of memory, such as 512M.")
  var memory: String?

  @Option(
    help: ArgumentHelp("A label that it must have; may be repeated.", valueName: "key=value"),
    transform: KeyValue.parse)
  var label: [KeyValue] = []

  @Option(help: "The same key finds the same kernel again.")
  var session: String?

  @Option(help: "Whose kernel it must be.")
  var owner: String?

  func validate() throws {
    if let memory { try Checked.size(memory) }
    try Checked.labels(label)
  }

  /// The body of `POST /find`.
  func request(_ locator: Locator, language override: String? = nil) throws -> KernelRequest {
    var request = KernelRequest(locator: locator)
    request.set("language", language ?? override)
    try request.setConfig(config, provider: provider)
    request.set("provider", provider)
    request.set("model", model)
    request.set("memory_limit", memory)
    request.set("labels", label)
    request.set("session", session)
    request.set("owner", owner)
    return request
  }
}

/// A body that is put together member by member.
struct KernelRequest {
  let locator: Locator
  private(set) var body: JSON = [:]
  private var environment: [String: JSON] = [:]
  /// Variables that the config names and that are not set here, with the config's name.
  private var missing: [(variable: String, config: String)] = []

  init(locator: Locator) { self.locator = locator }

  mutating func set(_ member: String, _ value: String?) {
    if let value { body[member] = .string(value) }
  }

  mutating func set(_ member: String, _ pairs: [KeyValue]) {
    guard !pairs.isEmpty else { return }
    body[member] = .object(
      Dictionary(pairs.map { ($0.key, JSON.string($0.value ?? "")) }, uniquingKeysWith: { _, last in last }))
  }

  mutating func set(_ member: String, number: Int?) {
    if let number { body[member] = JSON(number) }
  }

  mutating func set(_ member: String, flag: Bool) {
    if flag { body[member] = .bool(true) }
  }

  /// Finds the config from here, not from where the host was started, and takes the variables that it names from this
  /// environment: the host's may be older than the user's keys.
  /// - Parameter provider: without a config, the host takes the one that is called like the provider.
  mutating func setConfig(_ name: String?, provider: String? = nil) throws {
    let path: String
    if let name {
      path = try locator.find(name, .config)
      body["config"] = .string(path)
    } else if let provider, let found = try? locator.find(provider, .config, from: locator.fleetDirectory) {
      path = found  // if there is none, the host says so
    } else {
      return
    }
    for variable in try KernelConfiguration.load(path: path).requiredVariables {
      if let value = getenv(variable) {
        environment[variable] = .string(String(cString: value))
      } else {
        missing.append((variable, FilePath.name(of: path)))
      }
    }
    if !environment.isEmpty { body["env_vars"] = .object(environment) }
  }

  /// For a kernel that is started: what its scripts will miss.
  func warn() {
    for (variable, config) in missing where environment[variable] == nil {
      Output.note("\(variable), which \(config) names, is not set here")
    }
  }

  /// `K=V`, or `K` for the value that it has here.
  mutating func setEnvironment(_ pairs: [KeyValue]) throws {
    for pair in pairs {
      guard let value = pair.value ?? getenv(pair.key).map({ String(cString: $0) }) else {
        throw CommandFailure(.usage, "--env \(pair.key): the variable is not set here; write \(pair.key)=VALUE")
      }
      environment[pair.key] = .string(value)
    }
    if !environment.isEmpty { body["env_vars"] = .object(environment) }
  }
}

/// Values that are checked before a host is started for them.
enum Checked {
  static func size(_ text: String) throws {
    do { _ = try Limits.memory(parsing: text) } catch { throw ValidationError("--memory: \(error)") }
  }

  static func fileSize(_ text: String) throws {
    do { _ = try Limits.fileSize(parsing: text) } catch { throw ValidationError("--file-size: \(error)") }
  }

  static func cpu(_ text: String) throws {
    do { _ = try CPUShare(parsing: text) } catch { throw ValidationError("--cpu: \(error)") }
  }

  static func count(_ option: String, _ number: Int, _ parse: (String) throws(ValueError) -> PositiveCount) throws {
    do { _ = try parse("\(number)") } catch { throw ValidationError("\(option): \(error)") }
  }

  static func labels(_ labels: [KeyValue]) throws {
    if let label = labels.first(where: { $0.value == nil }) {
      throw ValidationError("--label \(label.key): write it as \(label.key)=VALUE")
    }
  }

  /// Names that a kernel may have; the rule is the host's, told before one is started.
  static func name(_ name: String) throws {
    let characters = name.unicodeScalars
    let isPlain = characters.allSatisfy {
      $0.isASCII && ($0.properties.isAlphabetic || ("0"..."9").contains($0) || "._-".unicodeScalars.contains($0))
    }
    guard isPlain, let first = characters.first, first.properties.isAlphabetic, characters.count <= 63,
      !name.hasPrefix("kernel-")
    else {
      throw ValidationError(
        "--name \"\(name)\": a name begins with a letter, has letters, digits, \".\", \"_\" and \"-\", at most 63, "
          + "and does not look like an id")
    }
  }
}
