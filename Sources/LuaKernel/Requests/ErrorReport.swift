// A Lua error in the words of Jupyter.
import JSON
import LuaRuntime

struct ErrorReport {
  let name: String
  let value: String
  let traceback: [String]

  init(name: String, value: String) {
    self.name = name
    self.value = value
    traceback = ["\(name): \(value)"]
  }

  init(_ error: LuaError) {
    name =
      switch error.kind {
      case .syntax: "SyntaxError"
      case .runtime, .type: "RuntimeError"
      case .memory: "MemoryError"
      case .deadline: "TimeoutError"
      case .interrupted: "Interrupted"
      }
    value = error.kind == .interrupted ? "interrupted at \(ErrorReport.position(error.message))" : error.message
    traceback = ["\(name): \(value)"] + ErrorReport.trimmed(error.traceback)
  }

  /// `chunk:line` at the beginning of a message.
  private static func position(_ message: String) -> String {
    let parts = message.split(separator: ":", maxSplits: 2)
    return parts.count >= 2 && Int(parts[1]) != nil ? "\(parts[0]):\(parts[1])" : message
  }

  /// The traceback without the frames below the code that the client sent.
  private static func trimmed(_ traceback: String) -> [String] {
    var lines = traceback.split(separator: "\n").map(String.init)
    while let last = lines.last, last.hasPrefix("\t"), last.hasPrefix("\tfleet:") || last.hasPrefix("\t[C]:") {
      lines.removeLast()
    }
    return lines.count > 1 ? lines : []
  }

  var content: [String: JSON] {
    ["ename": .string(name), "evalue": .string(value), "traceback": .array(traceback.map { .string($0) })]
  }
}
