// What a kernel says, as it comes: text to standard output and standard error.
import JSON
import JupyterProtocol

struct OutputPrinter {
  /// Whether standard output stands at the beginning of a line, so that a prompt does not follow a half one.
  private(set) var isAtLineStart = true
  private(set) var hasShownError = false

  mutating func show(_ output: KernelOutput) {
    switch output {
    case .stream("stderr", let text): Output.write(text, to: 2)
    case .stream(_, let text): write(text)
    case .result(let data, _, _), .display(let data, _, _, _):
      guard let text = Self.text(data) else { return }
      if !isAtLineStart { write("\n") }
      write(text.hasSuffix("\n") ? text : text + "\n")
    case .error(let exception): show(exception)
    case .clear, .input, .status, .other: break
    }
  }

  /// Once: an error comes as an output and again with the reply.
  mutating func show(_ exception: KernelException) {
    guard !hasShownError, exception.name != "SystemExit" else { return }
    hasShownError = true
    endLine()
    let lines = exception.traceback.isEmpty ? ["\(exception.name): \(exception.value)"] : exception.traceback
    let text = lines.joined(separator: "\n")
    Output.write((Output.errorIsTerminal ? text : Output.plain(text)) + "\n", to: 2)
  }

  /// For the next piece of code.
  mutating func reset() { hasShownError = false }

  mutating func endLine() {
    if !isAtLineStart && Output.isTerminal { write("\n") }
  }

  private mutating func write(_ text: String) {
    guard !text.isEmpty else { return }
    Output.write(text)
    isAtLineStart = text.utf8.last == UInt8(ascii: "\n")
  }

  /// The representation that a terminal can show.
  private static func text(_ data: JSON) -> String? {
    if let text = data["text/plain"] ?? data["text/markdown"] { return joined(text) }
    guard let type = data.object?.keys.sorted().first else { return nil }
    return "[\(type)]"
  }

  /// Some kernels send a list of lines.
  private static func joined(_ value: JSON) -> String? {
    value.string ?? value.array.map { $0.compactMap(\.string).joined() }
  }
}

/// The outputs as a document, in the form that notebooks keep them in.
struct OutputCollector {
  private(set) var outputs: [JSON] = []

  mutating func add(_ output: KernelOutput) {
    switch output {
    case .stream(let name, let text):
      if let last = outputs.last, last["output_type"] == "stream", last["name"]?.string == name {
        outputs[outputs.count - 1]["text"] = .string((last["text"]?.string ?? "") + text)
      } else {
        outputs.append(["output_type": "stream", "name": .string(name), "text": .string(text)])
      }
    case .result(let data, let metadata, let count):
      outputs.append([
        "output_type": "execute_result", "data": data, "metadata": metadata, "execution_count": JSON(count),
      ])
    case .display(let data, let metadata, _, _):
      outputs.append(["output_type": "display_data", "data": data, "metadata": metadata])
    case .error(let exception):
      outputs.append([
        "output_type": "error", "ename": .string(exception.name), "evalue": .string(exception.value),
        "traceback": .array(exception.traceback.map(JSON.string)),
      ])
    case .clear, .input, .status, .other: break
    }
  }
}
