// Questions about code that is not run: is_complete, complete and inspect.
import JSON
import JupyterProtocol

extension LuaKernel {
  func isComplete(_ content: JSON) -> KernelServer.Reply {
    switch session.completeness(content["code"]?.string ?? "") {
    case .complete: .init("is_complete_reply", ["status": "complete"])
    case .incomplete: .init("is_complete_reply", ["status": "incomplete", "indent": "  "])
    case .invalid: .init("is_complete_reply", ["status": "invalid"])
    }
  }

  func complete(_ content: JSON) -> KernelServer.Reply {
    let code = content["code"]?.string ?? ""
    let cursor = LuaKernel.cursor(content, code)
    let before = String(code.unicodeScalars.prefix(cursor))
    // What is completed is ASCII, so that its bytes and its characters are the same number.
    let (names, length) = session.complete(before)
    return .init(
      "complete_reply",
      [
        "status": "ok", "matches": .array(names.map { .string($0) }), "cursor_start": JSON(cursor - length),
        "cursor_end": JSON(cursor), "metadata": [:],
      ])
  }

  func inspect(_ content: JSON) -> KernelServer.Reply {
    let code = content["code"]?.string ?? ""
    let name = LuaKernel.name(in: Array(code.unicodeScalars), at: LuaKernel.cursor(content, code))
    let text = name.isEmpty ? nil : session.inspect(name)
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
