// What a policy's function returned, read and checked.

import FleetEngine
import LuaRuntime

/// What one policy made of one question.
enum Verdict: Sendable, Equatable {
  case answer(RouteAnswer, reason: String?)
  case noOpinion(reason: String)
  /// Why: a sentence, with file and line where there is one.
  case failure(String)

  /// Reads the results of `route`: an answer and a reason, or nil and a reason.
  init(reading reader: inout LuaReader) {
    do throws(Malformed) {
      let answer = try Self.answer(&reader)
      let reason = try Self.reason(&reader)
      if let answer {
        self = .answer(answer, reason: reason)
      } else if let reason {
        self = .noOpinion(reason: reason)
      } else {
        throw Malformed("returned nothing; return nil and a reason to leave the decision to others")
      }
    } catch {
      self = .failure(error.description)
    }
  }

  private struct Malformed: Error {
    let description: String

    init(_ description: String) { self.description = description }
  }

  private static func answer(_ reader: inout LuaReader) throws(Malformed) -> RouteAnswer? {
    switch reader.next {
    case .end: return nil
    case .nil:
      _ = reader.value()
      return nil
    case .table: break
    default: throw Malformed("answered \(reader.value()), where a table such as {use = id} was expected")
    }
    guard reader.enterTable() == 0, reader.next == .string else {
      throw Malformed("answered a table without one of use, spawn, wait, reject")
    }
    let answer = try field(&reader)
    guard reader.next == .end else { throw Malformed("answered more than one of use, spawn, wait, reject") }
    reader.leaveTable()
    return answer
  }

  private static func field(_ reader: inout LuaReader) throws(Malformed) -> RouteAnswer {
    if reader.skip("use") {
      guard let id = reader.text() else { throw wrong(&reader, "use", "the id of a kernel") }
      if id.isEmpty { throw Malformed("answered {use = \"\"}, where the id of a kernel was expected") }
      return .use(id)
    }
    if reader.skip("spawn") { return try spawn(&reader) }
    if reader.skip("wait") {
      guard reader.next == .number, let seconds = reader.value().number, seconds >= 0, seconds.isFinite else {
        throw Malformed("answered {wait = …} without a number of seconds that is not negative")
      }
      return .wait(seconds: seconds)
    }
    if reader.skip("reject") {
      guard let why = reader.text() else { throw wrong(&reader, "reject", "the reason as a string") }
      return .reject(why)
    }
    throw Malformed("answered '\(reader.text() ?? "")', which is none of use, spawn, wait, reject")
  }

  private static func spawn(_ reader: inout LuaReader) throws(Malformed) -> RouteAnswer {
    guard let values = reader.enterTable() else {
      throw wrong(&reader, "spawn", "a table such as {config = \"openai.toml\"}")
    }
    if values > 0 { throw Malformed("answered {spawn = …} with a list; it takes config and language") }
    var config: String?
    var language: String?
    while reader.next != .end {
      guard let key = reader.text(), let value = reader.text() else {
        throw Malformed("answered {spawn = …} with something that is no string")
      }
      switch key {
      case "config": config = value
      case "language": language = value
      default: throw Malformed("answered {spawn = …} with '\(key)'; it takes config and language")
      }
    }
    reader.leaveTable()
    return .spawn(config: config, language: language)
  }

  private static func reason(_ reader: inout LuaReader) throws(Malformed) -> String? {
    switch reader.next {
    case .end: return nil
    case .nil:
      _ = reader.value()
      return nil
    case .string: return reader.text()
    default: throw Malformed("gave \(reader.value()) as its reason, where a string was expected")
    }
  }

  private static func wrong(_ reader: inout LuaReader, _ name: String, _ expected: String) -> Malformed {
    Malformed("answered {\(name) = \(reader.value())}, where \(expected) was expected")
  }
}
