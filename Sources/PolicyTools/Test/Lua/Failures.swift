// What went wrong in a Lua fixture, from an error of its state.

import LuaRuntime

/// `file.lua:12`, taken from the beginning of a message.
struct Place {
  let file: String
  let line: Int
  let rest: String

  /// Line 0 if the message begins with no place.
  init(_ message: String) {
    let parts = message.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, let line = Int(parts[1]) else {
      (file, line, rest) = ("", 0, message)
      return
    }
    file = String(parts[0])
    self.line = line
    rest = String(parts[2].drop { $0 == " " })
  }

  var text: String { "\(file):\(line)" }
}

enum Failures {
  /// - Parameter testLine: where the test begins, if the error has no place of its own.
  static func describe(
    _ error: LuaError, _ file: AuthorFile, _ assertions: [LuaAssertion] = [], testLine: Int = 1
  ) -> TestFailure {
    if let table = error.value.table, table["is_failure"] == .boolean(true) {
      return expectation(table, file, assertions, testLine)
    }
    if error.kind == .deadline {
      var failure = TestFailure(
        place: "\(file.name):\(testLine)", summary: "\(error.message); a test may take \(LuaFixture.patience)")
      failure.traceback = trimmed(error.traceback)
      return failure
    }
    let place = Place(error.message)
    var failure = TestFailure(
      place: place.line > 0 ? place.text : innermost(error.traceback, file) ?? "\(file.name):\(testLine)",
      summary: place.line > 0 ? place.rest : error.message)
    failure.traceback = trimmed(error.traceback)
    return failure
  }

  private static func expectation(
    _ table: LuaTable, _ file: AuthorFile, _ assertions: [LuaAssertion], _ testLine: Int
  ) -> TestFailure {
    let place = Place(table["where"]?.text ?? "")
    var failure = TestFailure(
      place: place.line > 0 ? place.text : "\(file.name):\(testLine)", summary: table["message"]?.text ?? "failed")
    failure.expected = table["expected"]?.text
    failure.actual = table["actual"]?.text
    if let number = table["expression"]?.integer, assertions.indices.contains(Int(number)) {
      let assertion = assertions[Int(number)]
      failure.expression = assertion.text
      let shown = table["values"]?.table?.array.compactMap(\.text) ?? []
      failure.values = zip(assertion.values, shown).map { TestFailure.Value($0, $1) }
    }
    return failure
  }

  /// The innermost line of the fixture that was being run.
  private static func innermost(_ traceback: String, _ file: AuthorFile) -> String? {
    for frame in traceback.split(separator: "\n") {
      let place = Place(String(frame.drop { $0.isWhitespace }))
      if place.file == file.name { return place.text }
    }
    return nil
  }

  /// Without the frames of the prelude and of C, which tell an author nothing; nil if fewer than two are left.
  private static func trimmed(_ traceback: String) -> String? {
    let frames = traceback.split(separator: "\n").dropFirst().filter {
      !$0.contains("fixtures:") && !$0.contains("[C]")
    }
    return frames.count > 1 ? frames.joined(separator: "\n") : nil
  }
}
