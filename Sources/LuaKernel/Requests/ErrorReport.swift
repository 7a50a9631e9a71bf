// A Lua error in the words of Jupyter: its name, what happened where, and a traceback with the lines of source.
import JSON
import LuaRuntime

struct ErrorReport {
  let name: String
  private(set) var value: String
  private(set) var traceback: [String]

  init(name: String, value: String) {
    self.name = name
    self.value = value
    traceback = ["\(name): \(value)"]
  }

  /// - Parameters:
  ///   - source: the text of a chunk, by the name that positions begin with; nil if it is not known.
  ///   - describe: the text for an error value that is no string.
  init(_ error: LuaError, source: (String) -> String? = { _ in nil }, describe: (LuaValue) -> String? = { _ in nil }) {
    name =
      switch error.kind {
      case .syntax: "SyntaxError"
      case .runtime, .type: "RuntimeError"
      case .memory: "MemoryError"
      case .deadline: "TimeoutError"
      case .interrupted: "Interrupted"
      }
    value = ErrorReport.text(of: error, describe)
    var lines = ["\(name): \(value)"]
    let frames = ErrorReport.trimmed(error.traceback)
    let positions = frames.map { Position(in: $0.drop { $0 == "\t" }) }
    // The positions of the message that the traceback does not show: a coroutine's error has only those.
    for position in Position.all(in: error.message) where !positions.contains(position) {
      if let excerpt = position.excerpt(source) { lines.append(excerpt) }
    }
    for (frame, position) in zip(frames, positions) {
      lines.append(frame)
      if let excerpt = position?.excerpt(source) { lines.append(excerpt) }
    }
    traceback = lines
  }

  /// Adds to what is said of the error.
  mutating func add(_ words: String) {
    value += ": " + words
    if !traceback.isEmpty { traceback[0] += ": " + words }
  }

  private static func text(of error: LuaError, _ describe: (LuaValue) -> String?) -> String {
    if error.kind == .interrupted {
      return "interrupted at \(Position(in: error.message).map { "\($0.chunk):\($0.line)" } ?? error.message)"
    }
    guard error.message.hasPrefix("(error object is a "), !error.value.isOpaque, let text = describe(error.value) else {
      return error.message
    }
    return text
  }

  /// The traceback without the kernel's own frames, the `error` that they called, and the tail call that led to them.
  private static func trimmed(_ traceback: String) -> [String] {
    let all = traceback.split(separator: "\n").map(String.init)
    func isOurs(_ index: Int) -> Bool { all.indices.contains(index) && all[index].hasPrefix("\tfleet:") }
    let others = all.indices.filter { index in
      switch all[index] {
      case "\t[C]: in upvalue 'error'": !isOurs(index + 1)
      case "\t(...tail calls...)": !isOurs(index - 1)
      default: !isOurs(index)
      }
    }
    var lines = others.map { all[$0] }
    while let last = lines.last, last.hasPrefix("\t[C]:") { lines.removeLast() }
    return lines.count > 1 ? lines : []
  }

  var content: [String: JSON] {
    ["ename": .string(name), "evalue": .string(value), "traceback": .array(traceback.map { .string($0) })]
  }
}

/// `chunk:line:` at the beginning of a message or of a frame.
private struct Position: Equatable {
  let chunk: String
  let line: Int

  init?(in text: some StringProtocol) {
    let parts = text.prefix { $0 != "\n" }.split(separator: ":", omittingEmptySubsequences: false)
    guard let index = parts.indices.dropFirst().first(where: { Int(parts[$0]) != nil }), let line = Int(parts[index])
    else { return nil }
    chunk = parts[..<index].joined(separator: ":")
    self.line = line
  }

  /// `a:1: b:2: …`: each coroutine that an error passes puts its position in front.
  static func all(in message: String) -> [Position] {
    var positions: [Position] = []
    var rest = message[...]
    while positions.count < 8, let position = Position(in: rest) {
      positions.append(position)
      rest = rest.dropFirst("\(position.chunk):\(position.line):".count).drop { $0 == " " }
    }
    return positions
  }

  /// The line of source with its number, shortened to what a screen shows.
  func excerpt(_ source: (String) -> String?) -> String? {
    guard line > 0, let text = source(chunk) else { return nil }
    let lines = text.split(separator: "\n", maxSplits: line, omittingEmptySubsequences: false)
    guard line <= lines.count else { return nil }
    let code = lines[line - 1].drop { $0 == " " || $0 == "\t" }
    guard !code.isEmpty else { return nil }
    return "\t  \(line) | " + (code.count > 120 ? code.prefix(119) + "…" : code)
  }
}

extension LuaValue {
  fileprivate var isOpaque: Bool {
    if case .opaque = self { true } else { false }
  }
}
