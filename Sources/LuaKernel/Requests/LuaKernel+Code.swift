// Questions about code that is not run: is_complete, complete and inspect.
import JSON
import JupyterProtocol

extension LuaKernel {
  func isComplete(_ content: JSON) -> KernelServer.Reply {
    let code = content["code"]?.string ?? ""
    return switch session.completeness(code) {
    case .complete: .init("is_complete_reply", ["status": "complete"])
    case .incomplete:
      .init("is_complete_reply", ["status": "incomplete", "indent": .string(session.indent(after: code))])
    case .invalid: .init("is_complete_reply", ["status": "invalid"])
    }
  }

  func complete(_ content: JSON) -> KernelServer.Reply {
    let code = content["code"]?.string ?? ""
    let cursor = LuaKernel.cursor(content, code)
    let before = String(code.unicodeScalars.prefix(cursor))
    let (matches, length) = session.complete(before, after: String(code.unicodeScalars.dropFirst(cursor)))
    // What is completed is ASCII, or a part of a module's name: its bytes and its characters are the same number.
    let start = JSON(cursor - length)
    let types = matches.map { match -> JSON in
      ["start": start, "end": JSON(cursor), "text": .string(match.name), "type": .string(match.type)]
    }
    return .init(
      "complete_reply",
      [
        "status": "ok", "matches": .array(matches.map { .string($0.name) }), "cursor_start": start,
        "cursor_end": JSON(cursor), "metadata": ["_jupyter_types_experimental": .array(types)],
      ])
  }

  func inspect(_ content: JSON) -> KernelServer.Reply {
    let code = content["code"]?.string ?? ""
    let name = LuaKernel.name(in: Array(code.unicodeScalars), at: LuaKernel.cursor(content, code))
    let text = name.isEmpty ? nil : session.inspect(name, detailed: content["detail_level"]?.int == 1, in: code)
    return .init(
      "inspect_reply",
      [
        "status": "ok", "found": .bool(text != nil), "metadata": [:],
        "data": text.map { ["text/plain": .string($0)] } ?? [:],
      ])
  }

  /// The cursor in Unicode scalars, as the protocol counts it; the code's end if it is missing or beyond.
  private static func cursor(_ content: JSON, _ code: String) -> Int {
    let end = code.unicodeScalars.count
    return min(max(0, content["cursor_pos"]?.int.map { Int($0) } ?? end), end)
  }

  /// The dotted name around a position: up to it any part, after it the rest of its last part.
  private static func name(in code: [Unicode.Scalar], at cursor: Int) -> String {
    func isWord(_ scalar: Unicode.Scalar) -> Bool {
      scalar == "_" || (scalar.isASCII && scalar.properties.isAlphabetic) || ("0"..."9").contains(scalar)
    }
    var start = cursor
    var end = cursor
    // A cursor behind a call's bracket means the function.
    if end > 0, code[end - 1] == "(" { (start, end) = (end - 1, end - 1) }
    while end < code.count, isWord(code[end]) { end += 1 }
    while start > 0, isWord(code[start - 1]) || code[start - 1] == "." || code[start - 1] == ":" { start -= 1 }
    var text = String.UnicodeScalarView()
    text.append(contentsOf: code[start..<end])
    return String(text)
  }
}
