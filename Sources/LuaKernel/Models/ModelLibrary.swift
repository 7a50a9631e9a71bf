// The callbacks behind `llm`: a call is started, and its answer is taken piece by piece.
import FleetConfiguration
import JSON
import JupyterProtocol
import LuaRuntime

/// Confined to the Lua thread. Calls end with the execution that began them.
final class ModelLibrary {
  private let configuration: KernelConfiguration
  private let interruption: Wakeup
  private var http: HTTPSession?
  private var calls: [Int64: ModelCall] = [:]
  private var count: Int64 = 0

  /// - Parameter interruption: signalled when an execution is to be stopped.
  init(_ configuration: KernelConfiguration, interruption: Wakeup) {
    self.configuration = configuration
    self.interruption = interruption
  }

  func install(in state: LuaState) throws(LuaError) {
    try state.register("__fleet.model_start") { [unowned self] arguments in
      answer { () throws(ModelError) in [.integer(try start(arguments.first ?? .nil))] }
    }
    try state.register("__fleet.model_next") { [unowned self] arguments in
      answer { () throws(ModelError) in try next(arguments.first?.integer ?? 0) }
    }
    try state.register("__fleet.json") { arguments in
      do { return [.text(try JSON(arguments[0]).text())] } catch { return [.nil, .text("\(error)")] }
    }
  }

  /// Ends the calls that nobody has read to their end.
  func endExecution() {
    if !calls.isEmpty { calls = [:] }
  }

  private func answer(_ body: () throws(ModelError) -> [LuaValue]) -> [LuaValue] {
    do { return try body() } catch { return [.nil, .text(error.description)] }
  }

  private func start(_ options: LuaValue) throws(ModelError) -> Int64 {
    let document: JSON
    do { document = try JSON(options) } catch { throw ModelError(error.description) }
    let service = try ModelService(named: document["provider"]?.string, in: configuration)
    let request = try ModelRequest(document, for: service)
    let call = try ModelCall(request, to: service, http: try session(), interruption: interruption.descriptor)
    count += 1
    calls[count] = call
    return count
  }

  private func session() throws(ModelError) -> HTTPSession {
    if let http { return http }
    let session = try HTTPSession()
    http = session
    return session
  }

  /// - Returns: a piece of text, or false and the reply.
  private func next(_ id: Int64) throws(ModelError) -> [LuaValue] {
    guard let call = calls[id] else { throw ModelError("this answer ended with the cell that asked for it") }
    do throws(ModelError) {
      switch try call.next() {
      case .text(let text): return [.text(text)]
      case .reply(let reply):
        calls[id] = nil
        return [false, ModelLibrary.value(reply)]
      }
    } catch {
      calls[id] = nil
      throw error
    }
  }

  private static func value(_ reply: ModelReply) -> LuaValue {
    let calls = reply.calls.map { call -> LuaValue in
      // A model may write no JSON, or something other than named arguments; the tool's caller says so to it.
      let arguments = call.arguments.isEmpty ? [:] : try? JSON(parsing: call.arguments)
      return .record([
        "id": .text(call.id), "name": .text(call.name),
        "arguments": arguments?.object == nil ? .nil : LuaValue(arguments ?? [:]),
        "raw": arguments?.object == nil ? .text(call.arguments) : .nil,
      ])
    }
    return .record([
      "text": .text(reply.text), "finish_reason": .text(reply.finish), "model": .text(reply.model),
      "usage": .record(["input": .integer(reply.inputTokens), "output": .integer(reply.outputTokens)]),
      "tool_calls": .sequence(calls), "json": reply.document.map { LuaValue($0) } ?? .nil,
    ])
  }
}
