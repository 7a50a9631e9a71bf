// Several alert policies: each may have something to tell.

import FleetEngine
import PolicyHost
import Testing

@Suite struct AlertListTests {
  let directory: PolicyDirectory

  init() throws { directory = try PolicyDirectory() }

  private func ask(_ bodies: [String]) async throws -> PolicyAnswer {
    let files = try bodies.enumerated().map {
      try directory.write("alert\($0).lua", "return {alert = function(fleet) \($1) end}")
    }
    let host = PolicyHost(paths: [.alert: files], budget: patient, log: Log().take)
    let question = PolicyQuestion(.alert, now: Instant(nanoseconds: 0), seed: 1)
    return await withCheckedContinuation { continuation in host.ask(question) { continuation.resume(returning: $0) } }
  }

  private func names(_ answer: PolicyAnswer) -> [String]? {
    if case .alert(let conditions) = answer.answer { conditions.map(\.name) } else { nil }
  }

  @Test func allOfAListAreHeard() async throws {
    let answer = try await ask([
      "return {{name = 'A'}}, 'one'", "return {}", "return nil, 'quiet'", "return {{name = 'B'}}",
    ])
    #expect(names(answer) == ["A", "B"])
    #expect(answer.reason == "one" && answer.failure == nil)
  }

  @Test func withoutAnyOpinionThereIsNoAnswer() async throws {
    let answer = try await ask(["return nil, 'quiet'", "return nil, 'quiet too'"])
    #expect(answer.answer == nil && answer.failure == nil && answer.reason == "quiet too")
  }

  /// Else the alerts of the one that fails would seem to be resolved.
  @Test func oneThatFailsIsAFailureOfTheWhole() async throws {
    let answer = try await ask(["return {{name = 'A'}}", "error('oh')"])
    #expect(answer.answer == nil && answer.failure == "alert1.lua:1: oh")
  }

  @Test func oneThatCannotBeUsedHidesNothing() async throws {
    let answer = try await ask(["return {{name = 'A'}}", "if then"])
    #expect(names(answer) == ["A"])
  }
}
