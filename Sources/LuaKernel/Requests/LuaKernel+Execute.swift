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

    // What is not stored shares a number with a cell that is.
    let outcome = evaluate(code, named: stores ? "cell \(count)" : "cell *", request)
    server.publisher.flush()
    if stores { history.append(count, code, output: (try? outcome.get())?.text) }
    switch outcome {
    case .success(let value):
      if let value, !isSilent { publishResult(value, request) }
      return success(evaluating: content["user_expressions"]?.object ?? [:])
    case .failure(let error):
      if case .exit(let code) = signals.ending { return farewell(code, keepingKernel: false) }
      if let code = context.exitCode { return farewell(code, keepingKernel: true) }
      var report = describe(error, of: code, request)
      if error.kind == .interrupted, case .shutdown(let restart) = signals.ending {
        report.add(restart ? "the kernel is to be started again" : "the kernel is to end")
      }
      log.debug("execution \(count) failed: \(report.value)")
      if !isSilent { publish(report, request) }
      if content["stop_on_error"]?.bool ?? true { try failures.note(request, server) }
      return LuaKernel.failure(of: request.type, report, count)
    }
  }

  /// Code of the request has the name of a script or of a cell; other names are of earlier cells.
  private func describe(_ error: LuaError, of code: String, _ request: JupyterMessage) -> ErrorReport {
    let script = request.metadata["fleet"]?["script"]?.string
    return ErrorReport(
      error,
      source: { name in
        if name == script ?? "cell *" { return code }
        return history.source(of: name)
      }, describe: { session.describe($0) })
  }

  private func evaluate(
    _ code: String, named name: String, _ request: JupyterMessage
  ) -> Result<LuaSession.Representation?, LuaError> {
    context.begin(request)
    signals.beginExecution()
    defer {
      signals.endExecution()
      models.endExecution()
      session.discardInput()
    }
    do throws(LuaError) {
      if let script = request.metadata["fleet"]?["script"]?.string {
        let arguments = request.metadata["fleet"]?["args"]?.array?.compactMap(\.string) ?? []
        try session.runScript(code, path: script, arguments: arguments)
        return .success(nil)
      }
      return .success(try session.evaluate(code, name: name))
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

  private func publishResult(_ value: LuaSession.Representation, _ request: JupyterMessage) {
    if !value.rich.isNil { return publishRich(value, request) }
    var content = Array(#"{"execution_count":\#(count),"metadata":{},"data":{"text/plain":"#.utf8)
    JSON.append(escaping: value.text, to: &content)
    content += "}}".utf8
    server.publisher.publish("execute_result", parent: request.header, content: content)
  }

  private func publishRich(_ value: LuaSession.Representation, _ request: JupyterMessage) {
    do throws(ScriptError) {
      let content = try LuaKernel.content(of: value).merging(["execution_count": JSON(count)]) { $1 }
      server.publisher.publish("execute_result", parent: request.header, content: JSON.object(content).encoded())
    } catch {
      // The code itself was successful: its value is shown as text, and the reason beside it.
      Array("\(error)\n".utf8).withUnsafeBytes { context.write(.error, $0) }
      server.publisher.flush()
      publishResult(LuaSession.Representation(text: value.text), request)
    }
  }

  private static func content(of value: LuaSession.Representation) throws(ScriptError) -> [String: JSON] {
    if value.rich.isNil { return ["data": ["text/plain": .string(value.text)], "metadata": [:]] }
    let bundle = try MIMEBundle(value.rich, metadata: value.metadata)
    return ["data": bundle.data, "metadata": bundle.metadata]
  }

  func publish(_ report: ErrorReport, _ request: JupyterMessage) {
    server.publisher.publish("error", parent: request.header, content: JSON.object(report.content).encoded())
  }

  private func success(evaluating expressions: [String: JSON]) -> KernelServer.Reply {
    if expressions.isEmpty && context.pages.isEmpty {
      let text = #"{"status":"ok","execution_count":\#(count),"payload":[],"user_expressions":{}}"#
      return .init("execute_reply", content: Array(text.utf8))
    }
    let values = expressions.mapValues { expression -> JSON in
      signals.beginExecution()
      defer { signals.endExecution() }
      do throws(LuaError) {
        let value = try session.evaluate(expression.string ?? "", name: "expression")
        return LuaKernel.expressionReply(value ?? LuaSession.Representation(text: "nil"))
      } catch {
        var content = ErrorReport(error).content
        content["status"] = "error"
        return .object(content)
      }
    }
    let pages = context.pages.map { page -> JSON in ["source": "page", "data": page, "start": 0] }
    return .init(
      "execute_reply",
      [
        "status": "ok", "execution_count": JSON(count), "payload": .array(pages), "user_expressions": .object(values),
      ])
  }

  private static func expressionReply(_ value: LuaSession.Representation) -> JSON {
    do throws(ScriptError) {
      return .object(try content(of: value).merging(["status": "ok"]) { $1 })
    } catch {
      return .object(ErrorReport(name: "RuntimeError", value: "\(error)").content.merging(["status": "error"]) { $1 })
    }
  }

  /// The reply to code that called `os.exit`: not an error, and clients learn whether the kernel ends.
  private func farewell(_ code: Int32, keepingKernel keeps: Bool) -> KernelServer.Reply {
    let payload: JSON = ["source": "ask_exit", "keepkernel": .bool(keeps), "code": JSON(code)]
    return .init(
      "execute_reply",
      ["status": "ok", "execution_count": JSON(count), "payload": [payload], "user_expressions": [:]])
  }
}
