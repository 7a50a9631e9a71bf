import FleetEngine
import PolicyHost
import Testing

@testable import PolicyTools

private let policy = AuthorFile(
  path: "l.lua",
  text: """
    local most = 4
    return {
      route = function(request, fleet)
        local kernel = fleet:match(request):least("clients")
        if kernel and kernel.clients < most then
          return { use = kernel.id }, "room"
        end
        memory.full = (memory.full or 0) + 1
        return { spawn = {} }, "full for the " .. memory.full .. ". time"
      end,
    }
    """)

private func question(_ requirements: Requirements) -> PolicyQuestion {
  PolicyQuestion(.route(requirements), now: Instant(nanoseconds: 0), seed: 1)
}

@Test func theLinesOfOneQuestionAreTold() throws {
  let used = try LinesTaken(policy, question(Requirements(language: "lua")), rows: SampleFleet.rows(8))
  #expect(used.lines.map(\.number) == [4, 5, 6])
  #expect(used.lines.last?.text == "      return { use = kernel.id }, \"room\"")
  #expect(used.answer.reason == "room")
  let spawned = try LinesTaken(policy, question(Requirements(language: "ruby")), rows: SampleFleet.rows(8))
  #expect(spawned.lines.map(\.number) == [4, 5, 8, 9])
}

@Test func memoryIsThatOfTheTime() throws {
  let before = try DirectPolicy(path: policy.path, text: Array(policy.text.utf8))
  _ = before.ask(question(Requirements()))
  let again = try LinesTaken(policy, question(Requirements()), rows: [], memory: before.memory)
  #expect(again.answer.reason == "full for the 2. time")
}

/// Every policy that ships gives the same answers with probes as without, one after the other.
@Test func policiesWithProbesAnswerTheSame() throws {
  let policies = LuaSamples.files().filter { $0.path.contains("/policies/") && !$0.path.hasSuffix(".test.lua") }
  var random = SeededRandom(11)
  for file in policies {
    let plain = try DirectPolicy(path: file.path, text: Array(file.text.utf8), budget: .init(answer: .seconds(2)))
    let text = try Instrumented(file).text
    var probes = 0
    let probed = try DirectPolicy(
      path: file.path, text: Array(text.utf8), budget: .init(answer: .seconds(2)), probe: { _ in probes += 1 })
    for number in 0..<100 {
      let rows = SampleFleet.rows(Int.random(in: 0...24, using: &random)).map { row in
        var row = row
        row.clients = Int.random(in: 0...6, using: &random)
        row.latency = Bool.random(using: &random) ? nil : Double.random(in: 0...2, using: &random)
        return row
      }
      for one in [plain, probed] { try one.apply(rows.map(KernelRowChange.put)) }
      for entry in EntryPoint.allCases where plain.entries.contains(entry) {
        for (subject, _) in SampleFleet.questions(entry, rows) {
          let now = Instant(nanoseconds: Int64(number) * 7_000_000_000)
          let asked = PolicyQuestion(subject, now: now, seed: random.next())
          let (one, other) = (plain.ask(asked), probed.ask(asked))
          #expect(
            one.answer == other.answer && one.reason == other.reason && one.failure == other.failure, "\(file.name)")
        }
      }
    }
    #expect(probes > 100, "\(file.name)")
  }
}
