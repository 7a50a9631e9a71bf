// The answer of `route`, read from its encoded form without making a value of each part.

import FleetEngine
import LuaRuntime

extension RouteAnswer {
  private static let known = ["use", "spawn", "wait", "reject"]

  init(_ reader: inout LuaReader) throws(Malformed) {
    guard let values = reader.enterTable() else {
      throw Malformed("answered \(reader.value()), where a table such as {use = id} was expected")
    }
    guard values == 0, reader.next == .string else {
      throw Malformed("answered a table without one of use, spawn, wait, reject")
    }
    self = try Self.field(&reader)
    guard reader.next == .end else { throw Malformed("answered more than one of use, spawn, wait, reject") }
    reader.leaveTable()
  }

  private static func field(_ reader: inout LuaReader) throws(Malformed) -> RouteAnswer {
    if reader.skip("use") {
      guard let id = reader.text() else { throw wrong(&reader, "use", "the id of a kernel") }
      if id.isEmpty { throw Malformed("answered {use = \"\"}, where the id of a kernel was expected") }
      return .use(id)
    }
    if reader.skip("spawn") { return try spawn(&reader) }
    if reader.skip("wait") {
      let value = reader.value()
      guard let seconds = value.number, seconds >= 0, seconds.isFinite else {
        throw Malformed("answered {wait = \(value)}, where a number of seconds that is not negative was expected")
      }
      return .wait(seconds: seconds)
    }
    if reader.skip("reject") {
      guard let why = reader.text() else { throw wrong(&reader, "reject", "the reason as a string") }
      return .reject(why)
    }
    let key = reader.text() ?? ""
    let advice = suggestion(for: key, among: known).map { "; did you mean '\($0)'?" } ?? ""
    throw Malformed("answered '\(key)', which is none of use, spawn, wait, reject\(advice)")
  }

  private static func spawn(_ reader: inout LuaReader) throws(Malformed) -> RouteAnswer {
    let table = try AnswerTable(
      reader.value(), like: "{config = \"openai.toml\"}", known: ["config", "language"], around: ("{spawn = ", "}"))
    return .spawn(
      config: try table.text("config", "the name of a config"),
      language: try table.text("language", "the name of a language"))
  }

  private static func wrong(_ reader: inout LuaReader, _ name: String, _ expected: String) -> Malformed {
    Malformed("answered {\(name) = \(reader.value())}, where \(expected) was expected")
  }
}
