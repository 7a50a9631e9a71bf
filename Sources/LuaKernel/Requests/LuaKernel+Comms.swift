// comm_open, comm_msg, comm_close: messages without replies; and comm_info_request.
import JSON
import JupyterProtocol
import LuaRuntime

extension LuaKernel {
  /// Hands a message to the script's function. What that raises is shown, for there is no reply to say it in.
  func receive(comm message: JupyterMessage) {
    let id = message.content["comm_id"]?.string ?? ""
    let target = message.content["target_name"]?.string ?? comms.open[id] ?? ""
    context.begin(message)
    signals.beginExecution()
    defer {
      signals.endExecution()
      models.endExecution()
      server.publisher.flush()
    }
    if message.type == "comm_open" { comms.note(id, opened: target) }
    if message.type == "comm_close" { comms.note(closed: id) }
    do throws(LuaError) {
      let isTaken = try session.receive(
        comm: message.type, id: id, target: target, data: message.content["data"] ?? [:], buffers: message.buffers)
      guard !isTaken else { return }
      log.debug("\(message.type) for \(target) \(id), which nobody here takes")
    } catch {
      let report = ErrorReport(error, source: { history.source(of: $0) }, describe: { session.describe($0) })
      log.debug("\(message.type) for \(target) failed: \(report.value)")
      Array((report.traceback.joined(separator: "\n") + "\n").utf8).withUnsafeBytes { context.write(.error, $0) }
    }
    // A target that is not there, or could not be opened.
    if message.type == "comm_open" { comms.refuse(id) }
  }

  func commInfo(_ content: JSON) -> KernelServer.Reply {
    let wanted = content["target_name"]?.string
    let chosen = comms.open.filter { wanted == nil || $0.value == wanted }
    return .init(
      "comm_info_reply",
      ["status": "ok", "comms": .object(chosen.mapValues { ["target_name": .string($0)] })])
  }
}
