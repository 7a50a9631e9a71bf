// What a kernel says while it executes code, and how the execution ended.
import JSON

/// An error in a kernel's code, as the kernel reports it.
public struct KernelException: Sendable, Hashable {
  public let name: String
  public let value: String
  /// Lines for people; may hold colour codes.
  public let traceback: [String]

  init(_ content: JSON) {
    name = content["ename"]?.string ?? "Error"
    value = content["evalue"]?.string ?? ""
    traceback = content["traceback"]?.array?.compactMap(\.string) ?? []
  }
}

/// A message on iopub that answers our request.
public enum KernelOutput: Sendable, Hashable {
  /// `stdout` or `stderr`.
  case stream(name: String, text: String)
  /// The value of an expression, by MIME type.
  case result(data: JSON, metadata: JSON, count: Int)
  case display(data: JSON, metadata: JSON, transient: JSON, isUpdate: Bool)
  case error(KernelException)
  /// Forget what was shown; with `waits`, only when the next output arrives.
  case clear(waits: Bool)
  /// The code as the kernel begins to execute it.
  case input(code: String, count: Int)
  /// `busy`, `idle`, `starting`.
  case status(String)
  /// Any other message, such as those of comms.
  case other(type: String, content: JSON)

  init(_ message: JupyterMessage) {
    let content = message.content
    let empty: JSON = .object([:])
    switch message.type {
    case "stream": self = .stream(name: content["name"]?.string ?? "stdout", text: content["text"]?.string ?? "")
    case "execute_result":
      self = .result(
        data: content["data"] ?? empty, metadata: content["metadata"] ?? empty,
        count: Int(content["execution_count"]?.int ?? 0))
    case "display_data", "update_display_data":
      self = .display(
        data: content["data"] ?? empty, metadata: content["metadata"] ?? empty,
        transient: content["transient"] ?? empty, isUpdate: message.type != "display_data")
    case "error": self = .error(KernelException(content))
    case "clear_output": self = .clear(waits: content["wait"]?.bool ?? false)
    case "execute_input":
      self = .input(code: content["code"]?.string ?? "", count: Int(content["execution_count"]?.int ?? 0))
    case "status": self = .status(content["execution_state"]?.string ?? "")
    default: self = .other(type: message.type, content: content)
    }
  }
}

/// How an execution ended.
public struct ExecuteReply: Sendable {
  public enum Outcome: Sendable, Hashable {
    case ok
    case error(KernelException)
    /// The kernel did not run the code, because an earlier one of ours failed.
    case aborted
  }

  public let outcome: Outcome
  public let count: Int
  /// The reply's content, with `payload` and `user_expressions`.
  public let content: JSON

  init(_ content: JSON) {
    self.content = content
    count = Int(content["execution_count"]?.int ?? 0)
    switch content["status"]?.string {
    case "ok": outcome = .ok
    case "error": outcome = .error(KernelException(content))
    default: outcome = .aborted
    }
  }
}

/// What to execute and how.
public struct ExecuteRequest: Sendable {
  public var code: String
  /// No broadcast of input and result, nothing in history.
  public var silent = false
  public var storeHistory = true
  public var stopOnError = true
  /// Expressions to evaluate afterwards, by name.
  public var userExpressions: [String: String] = [:]
  /// Goes into the request's metadata.
  public var metadata: JSON = .object([:])

  public init(_ code: String) { self.code = code }

  func content(allowStdin: Bool) -> JSON {
    [
      "code": .string(code), "silent": .bool(silent), "store_history": .bool(storeHistory && !silent),
      "user_expressions": .object(userExpressions.mapValues { .string($0) }), "allow_stdin": .bool(allowStdin),
      "stop_on_error": .bool(stopOnError),
    ]
  }
}
