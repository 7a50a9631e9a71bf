// A policy that is broken, in the ways in which people break them: each message names file and line, and what to do.

import PolicyTools
import Testing

@Suite struct BrokenPolicyTests {
  let directory: AuthorDirectory

  init() throws { directory = try AuthorDirectory() }

  private func report(_ line: String, advice: Bool = true) throws -> TestReport {
    let policy = try directory.write(
      "p.lua", "return {\n  route = function(request, fleet)\n    \(line)\n  end,\n}\n")
    let fixture = try directory.write("p.test.lua", "it(\"t\", function()\n  ask.route({}, fleet{ kernel{} })\nend)\n")
    return PolicyFixtures.run(
      [try #require(FixtureFile(path: fixture))], policies: [policy], options: PolicyFixtures.Options(advice: advice))
  }

  @Test(arguments: [
    // Syntax.
    ("if fleet the return nil end", "p.lua:3: 'then' expected near 'the'", "p.lua:3:14: error: 'then' expected"),
    // A typing mistake in a field.
    (
      "return { use = fleet:first().idd }, \"x\"", "p.lua:2: route answered",
      "p.lua:3:34: error: a kernel has no field 'idd'; did you mean 'id'?"
    ),
    // A wrong return.
    (
      "return { us = \"x\" }, \"x\"", "did you mean 'use'?",
      "p.lua:3:14: error: the answer has no 'us'; did you mean 'use'?"
    ),
    // An endless loop.
    ("while true do end", "p.lua:3: ran past its deadline", "p.lua:3:5: error: this loop never ends"),
    // An index of nil.
    (
      "return { use = fleet:match{ language = \"x\" }:first().id }, \"x\"", "p.lua:3: attempt to index a nil value",
      "is nil if there is no such kernel"
    ),
  ]) func messagesSayWhereAndWhatToDo(_ line: String, _ complaint: String, _ advice: String) throws {
    let report = try report(line)
    #expect(report.failed == 1)
    let said = (report.complaints.first ?? "").description
    #expect(said.contains(complaint), "\(said)")
    #expect(report.advice.contains { $0.contains(advice) }, "\(report.advice)")
  }

  @Test func anErrorIsToldThoughTheTestsPass() throws {
    let report = try report("return { spawn = { language = request.langage } }, \"x\"")
    #expect(report.isGreen)
    #expect(report.advice.map { $0.contains("'langage'; did you mean 'language'?") } == [true])
  }

  @Test func aFileThatIsNoPolicyIsOneComplaint() throws {
    let report = try directory.run(policy: "return 5", lua: "it('a', function() end)\nit('b', function() end)")
    #expect(report.complaints == ["p.lua: what the file returned is a number value"])
    #expect(report.failed == 1 && report.passed == 0)
  }

  @Test func aPolicyThatLoopsWhileItLoadsIsOneComplaint() throws {
    let report = try directory.run(policy: "while true do end", lua: "it('a', function() end)")
    #expect(report.complaints.count == 1)
    #expect(report.complaints.first?.contains("p.lua:1:") == true, "\(report.complaints)")
  }

  @Test(arguments: [
    ("it(", "p.test.lua:1: unexpected symbol near <eof>"),
    ("local x = nil\nx.y = 1", "p.test.lua:2: attempt to index a nil value (local 'x')"),
    ("it('a')", "p.test.lua:1: it \"a\" needs a function"), ("describe(5)", "p.test.lua:1: describe needs a name"),
    ("ask.admit({})", "p.test.lua:1: p.lua has no function 'admit'"),
  ]) func aBrokenFixtureIsToldWithItsLine(_ text: String, _ complaint: String) throws {
    let report = try directory.run(lua: text)
    #expect(report.complaints.first?.contains(complaint) == true, "\(report.complaints)")
  }

  @Test func aFixtureWithoutAPolicyIsTold() throws {
    let fixture = try directory.write("q.test.lua", "it('a', function() end)")
    let report = PolicyFixtures.run([try #require(FixtureFile(path: fixture))])
    #expect(
      report.complaints.first?.hasSuffix("q.lua, which is not there; a fixture is named after its policy") == true)
  }
}
