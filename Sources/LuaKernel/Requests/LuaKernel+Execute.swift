// execute_request.
import JSON
import JupyterProtocol
import LuaRuntime

extension LuaKernel {
  func execute(_ request: JupyterMessage) throws(ZMQError) -> KernelServer.Reply? {
    let content = request.content
    let code = content["code"]?.string ?? ""
    let isSilent = content["silent"]?.bool ?? false
    let stores = !isSilent && (content["store_history"]?.bool ?? true)
    if stores { count += 1 }
    if !isSilent { publishInput(code, request) }

    let outcome = evaluate(code, request)
    server.publisher.flush()
    if stores { history.append(count, code, output: try? outcome.get()) }
    switch outcome {
    case .success(let text):
      if let text, !isSilent { publishResult(text, request) }
      return success(evaluating: content["user_expressions"]?.object ?? [:])
    case .failure(let error):
      if case .exit(let code) = signals.ending { return farewell(code) }
      let report = ErrorReport(error)
      log.debug("execution \(count) failed: \(report.value)")
      if !isSilent { publish(report, request) }
      if content["stop_on_error"]?.bool ?? true { try failures.note(request, server) }
      return LuaKernel.failure(of: request.type, report, count)
    }
  }

  private func evaluate(_ code: String, _ request: JupyterMessage) -> Result<String?, LuaError> {
    context.begin(request)
    signals.beginExecution()
    defer {
      signals.endExecution()
      session.discardInput()
    }
    do throws(LuaError) {
      if let script = request.metadata["fleet"]?["script"]?.string {
        let arguments = request.metadata["fleet"]?["args"]?.array?.compactMap(\.string) ?? []
        try session.runScript(code, path: script, arguments: arguments)
        return .success(nil)
      }
      return .success(try session.evaluate(code, name: "In[\(count)]"))
    } catch {
      return .failure(error)
    }
  }

  // MARK: Messages

  private func publishInput(_ code: String, _ request: JupyterMessage) {
    var content = Array(#"{"execution_count":\#(count),"code":"#.utf8)
    JSON.append(escaping: code, to: &content)
    content.append(UInt8(ascii: "}"))
    server.publisher.publish("execute_input", parent: request.header, content: content)
  }

  private func publishResult(_ text: String, _ request: JupyterMessage) {
    var content = Array(#"{"execution_count":\#(count),"metadata":{},"data":{"text/plain":"#.utf8)
    JSON.append(escaping: text, to: &content)
    content += "}}".utf8
    server.publisher.publish("execute_result", parent: request.header, content: content)
  }

  func publish(_ report: ErrorReport, _ request: JupyterMessage) {
    server.publisher.publish("error", parent: request.header, content: JSON.object(report.content).encoded())
  }

  private func success(evaluating expressions: [String: JSON]) -> KernelServer.Reply {
    if expressions.isEmpty {
      let text = #"{"status":"ok","execution_count":\#(count),"payload":[],"user_expressions":{}}"#
      return .init("execute_reply", content: Array(text.utf8))
    }
    let values = expressions.mapValues { expression -> JSON in
      signals.beginExecution()
      defer { signals.endExecution() }
      do throws(LuaError) {
        let text = try session.evaluate(expression.string ?? "", name: "expression")
        return ["status": "ok", "data": ["text/plain": .string(text ?? "nil")], "metadata": [:]]
      } catch {
        var content = ErrorReport(error).content
        content["status"] = "error"
        return .object(content)
      }
    }
    return .init(
      "execute_reply",
      ["status": "ok", "execution_count": JSON(count), "payload": [], "user_expressions": .object(values)])
  }

  /// The reply to code that called `os.exit`: not an error, and clients learn that the kernel ends.
  private func farewell(_ code: Int32) -> KernelServer.Reply {
    let payload: JSON = ["source": "ask_exit", "keepkernel": false, "code": JSON(code)]
    return .init(
      "execute_reply",
      ["status": "ok", "execution_count": JSON(count), "payload": [payload], "user_expressions": [:]])
  }
}
