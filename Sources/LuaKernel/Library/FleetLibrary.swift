// The host and other kernels, for `require("fleet")`.
import FleetClient
import FleetConfiguration
import Glibc
import JSON
import JupyterProtocol
import LuaRuntime

/// Confined to the Lua thread. Connections are made on first use and kept.
final class FleetLibrary {
  private let identity: KernelIdentity
  private let signals: KernelSignals
  private var host: FleetClient?
  private var kernels: [String: KernelClient] = [:]

  init(identity: KernelIdentity, signals: KernelSignals) {
    self.identity = identity
    self.signals = signals
  }

  func install(in state: LuaState) throws(LuaError) {
    try state.register("__fleet.host") { [unowned self] arguments in
      answer { () throws(ScriptError) in try ask(arguments.first?.text ?? "", arguments.count > 1 ? arguments[1] : .nil)
      }
    }
    try state.register("__fleet.exec") { [unowned self] arguments in
      answer { () throws(ScriptError) in
        try execute(on: arguments[0].text ?? "", file: arguments[1].text ?? "", arguments[2].text)
      }
    }
    try state.call(state.load(FleetModule.source, name: "fleet"))
  }

  private func answer(_ body: () throws(ScriptError) -> LuaValue) -> [LuaValue] {
    do { return [try body()] } catch { return [.nil, .text(error.description)] }
  }

  // MARK: Host

  private func ask(_ what: String, _ argument: LuaValue) throws(ScriptError) -> LuaValue {
    let host = try connectedHost()
    let name = argument.text ?? ""
    do {
      switch what {
      case "spawn": return LuaValue(try host.spawn(try request(argument))["kernel"] ?? .null)
      case "find": return LuaValue(try host.find(try request(argument)))
      case "list": return LuaValue(try host.kernels()["kernels"] ?? [])
      case "get": return LuaValue(try host.kernel(name)["kernel"] ?? .null)
      case "stop":
        kernels[name] = nil
        return LuaValue(try host.stop(name))
      case "restart":
        kernels[name] = nil
        return LuaValue(try host.restart(name)["kernel"] ?? .null)
      case "interrupt": return LuaValue(try host.interrupt(name))
      case "metrics": return LuaValue(try host.call("GET", "/metrics"))
      default: throw ScriptError("there is no such function")
      }
    } catch {
      throw (error as? ScriptError) ?? ScriptError("\(error)")
    }
  }

  private func connectedHost() throws(ScriptError) -> FleetClient {
    if let host { return host }
    guard let socket = identity.hostSocket else {
      throw ScriptError("this kernel belongs to no fleet; start it with fleet spawn")
    }
    let client = FleetClient(socketPath: socket)
    host = client
    return client
  }

  /// The options of a script as the host's document, with the variables that the config names.
  private func request(_ options: LuaValue) throws(ScriptError) -> JSON {
    var request: JSON = try JSON(options)
    guard let config = request["config"]?.string else { return request }
    // What is wrong with the config is the host's to say.
    guard let directory = try? FleetDirectory.choose(),
      let path = try? Locator(fleetDirectory: directory.path).find(config, .config),
      let settings = try? KernelConfiguration.load(path: path)
    else { return request }
    var variables = request["env_vars"]?.object ?? [:]
    for name in settings.requiredVariables where variables[name] == nil {
      if let value = FilePath.environment(name) { variables[name] = .string(value) }
    }
    if !variables.isEmpty { request["env_vars"] = .object(variables) }
    return request
  }

  // MARK: Other kernels

  private func execute(on id: String, file: String, _ code: String?) throws(ScriptError) -> LuaValue {
    guard let code else { throw ScriptError("exec needs code as a string") }
    guard id != identity.id else { throw ScriptError("a kernel cannot wait for itself; call the code directly") }
    do {
      let client = try client(for: id, file)
      var (text, output, errors) = ("", "", "")
      var result: String?
      let reply = try signals.waiting(for: client.interruption) {
        try client.execute(FleetLibrary.request(code)) { message in
          switch message {
          case .stream(let name, let part):
            text += part
            if name == "stderr" { errors += part } else { output += part }
          case .result(let data, _, _): result = data["text/plain"]?.string
          default: break
          }
        }
      }
      if let result { text += result }
      if text.hasSuffix("\n") { text.removeLast() }
      return .record([
        "text": .text(text), "result": result.map { .text($0) } ?? .nil, "stdout": .text(output),
        "stderr": .text(errors), "count": .integer(Int64(reply.count)), "error": FleetLibrary.problem(reply),
        "exit_code": FleetLibrary.exitCode(reply),
      ])
    } catch {
      kernels[id] = nil
      throw (error as? ScriptError) ?? ScriptError("\(error)")
    }
  }

  /// `os.exit` in it ends the code, not a kernel that others may use.
  private static func request(_ code: String) -> ExecuteRequest {
    var request = ExecuteRequest(code)
    request.metadata = ["fleet": ["keep_kernel": true]]
    return request
  }

  /// What the code gave to `os.exit`; nil if it ended otherwise.
  private static func exitCode(_ reply: ExecuteReply) -> LuaValue {
    let farewell = reply.content["payload"]?.array?.first { $0["source"] == "ask_exit" }
    return farewell.map { .integer($0["code"]?.int ?? 0) } ?? .nil
  }

  private static func problem(_ reply: ExecuteReply) -> LuaValue {
    switch reply.outcome {
    case .ok: .nil
    case .aborted: .text("the code was not run, because an earlier request failed")
    case .error(let exception): .text("\(exception.name): \(exception.value)")
    }
  }

  /// A kernel with a user of its own cannot read the files of others; the host tells it what stands in those of its owner.
  private func connection(to id: String, _ file: String) throws -> ConnectionFile {
    if access(file, R_OK) == 0 || errno != EACCES { return try ConnectionFile(reading: file) }
    let answer = try connectedHost().connection(id)
    return try ConnectionFile(json: answer["connection"] ?? .null, path: file)
  }

  private func client(for id: String, _ file: String) throws -> KernelClient {
    if let client = kernels[id] { return client }
    let client = try KernelClient(try connection(to: id, file))
    kernels[id] = client
    return client
  }
}
