// The callbacks behind `comm`, and which comms are open. https://jupyter-client.readthedocs.io/en/stable/messaging.html#custom-messages
import JSON
import JupyterProtocol
import LuaRuntime

/// Confined to the Lua thread.
final class CommLibrary {
  private let context: ExecutionContext
  /// The targets of the open comms by their ids.
  private(set) var open: [String: String] = [:]

  init(context: ExecutionContext) { self.context = context }

  func install(in state: LuaState) throws(LuaError) {
    try state.register("__fleet.comm_id") { _ in [.text(UniqueID.uuid())] }
    try state.register("__fleet.comm_send") { [unowned self] arguments in
      do {
        try send(arguments)
        return []
      } catch {
        return [.text("\(error)")]
      }
    }
  }

  private func send(_ arguments: [LuaValue]) throws(ScriptError) {
    let type = arguments[0].text ?? ""
    let id = arguments[1].text ?? ""
    let target = arguments[2].text ?? ""
    var content: JSON = ["comm_id": .string(id), "data": try JSON(arguments[3])]
    var buffers: [[UInt8]] = []
    for buffer in arguments[5].table?.array ?? [] {
      guard case .string(let bytes) = buffer else {
        throw ScriptError("a buffer is a string, not a \(buffer.typeName)")
      }
      buffers.append(bytes)
    }
    let metadata = try JSON(arguments[4])
    if type == "comm_open" {
      content["target_name"] = .string(target)
      open[id] = target
    }
    if type == "comm_close" { open[id] = nil }
    context.publish(type, content, metadata: metadata, buffers: buffers)
  }

  func note(_ id: String, opened target: String) { open[id] = target }
  func note(closed id: String) { open[id] = nil }

  /// Tells the clients that there is nobody at this end.
  func refuse(_ id: String) {
    open[id] = nil
    context.publish("comm_close", ["comm_id": .string(id), "data": [:]])
  }
}
