// Fixtures in Lua: what they are given, and what is said when they fail.

import PolicyTools
import Testing

@Suite struct LuaFixtureTests {
  let directory: AuthorDirectory

  init() throws { directory = try AuthorDirectory() }

  @Test func testsAskThePolicyAboutAFleet() throws {
    let report = try directory.run(
      lua: """
        describe("fewest clients", function()
          local busy, quiet

          before_each(function()
            busy = kernel{ clients = 2 }
            quiet = kernel{ clients = 1 }
          end)

          it("takes the quieter kernel", function()
            local answer, reason = ask.route({ language = "lua" }, fleet{ busy, quiet })
            expect(answer.use):equals(quiet.id)
            expect(answer.use):never():equals(busy.id)
            expect(reason):contains("fewest")
            assert(answer.spawn == nil)
          end)

          it("sees changes of a kernel", function()
            local view = fleet{ busy, quiet }
            expect(ask.route({}, view).use):equals(quiet.id)
            quiet.clients = 3
            expect(ask.route({}, view).use):equals(busy.id)
            busy.status = "unhealthy"
            expect(ask.route({}, view).use):equals(quiet.id)
            table.remove(view, 2)
            expect(ask.route({ language = "lua" }, view)):equals({ spawn = { language = "lua" } })
          end)
        end)

        it("starts one where there is none", function()
          expect(ask.route({ language = "python" }).spawn.language):equals("python")
        end)
        """)
    #expect(report.complaints == [])
    #expect(
      report.names == [
        "fewest clients › takes the quieter kernel", "fewest clients › sees changes of a kernel",
        "starts one where there is none",
      ])
    #expect(report.isGreen)
  }

  @Test func aFailingAssertionShowsItsExpressionAndWhatIsInIt() throws {
    let report = try directory.run(
      lua: """
        it("fails", function()
          local a, list = kernel{ clients = 2 }, { 10, 20 }
          local answer = ask.route({}, fleet{ a })
          local i = 2
          assert(answer.use == "x" and list[i] > #list)
        end)
        it("compares", function()
          local wanted = { spawn = { language = "python" } }
          expect(ask.route({ language = "lua" })):equals(wanted)
        end)
        """)
    let failure = try #require(report.failure("fails"))
    #expect(failure.place == "p.test.lua:5")
    #expect(failure.expression == #"assert(answer.use == "x" and list[i] > #list)"#)
    #expect(
      failure.values.map { "\($0.name) = \($0.text)" } == [
        "answer.use = \"kernel-00000001\"", "list[i] = 20", "i = 2", "list = { 10, 20 }",
      ])
    #expect(failure.summary == "the assertion is false")
    let other = try #require(report.failure("compares"))
    #expect(other.place == "p.test.lua:9")
    #expect(other.expected == "{\n  spawn = {\n    language = \"python\",\n  },\n}")
    #expect(other.actual == "{\n  spawn = {\n    language = \"lua\",\n  },\n}")
    #expect(other.values.first?.text == #"{ spawn = { language = "python" } }"#)
    #expect(report.failed == 2)
  }

  @Test(arguments: [
    ("expect(1):equals(2)", "expected 1 to equal 2"), ("expect(1):is_nil()", "expected 1 to be nil"),
    ("expect(nil):is_true()", "expected nil to be true"), ("expect(true):is_false()", "expected true to be false"),
    ("expect({ 1, 2 }):contains(3)", "expected { 1, 2 } to contain 3"),
    ("expect('abc'):contains('x')", #"expected "abc" to contain "x""#),
    ("expect({ a = 1 }):contains{ a = 2 }", "expected { a = 1 } to contain { a = 2 }"),
    ("expect('abc'):matches('^b')", #"expected "abc" to match the pattern "^b""#),
    ("expect(1.5):is_close(1.4, 0.01)", "expected 1.5 to be within 0.01 of 1.4"),
    ("expect(1):is_above(1)", "expected 1 to be above 1"), ("expect('a'):is_below(1)", "to be a number below 1"),
    ("expect(1):is_at_least(2)", "to be at least 2"), ("expect(3):is_at_most(2)", "to be at most 2"),
    ("expect(3):is_one_of{ 1, 2 }", "to be one of { 1, 2 }"), ("expect({ 1 }):has_length(2)", "to have length 2"),
    ("expect(function() end):fails()", "to fail"),
    ("expect(function() error('boom') end):fails('bang')", "to fail with a message that matches \"bang\""),
    ("expect(1):never():equals(1)", "expected 1 never to equal 1"),
    ("expect('x'):never():matches('x')", "never to match"),
    ("expect(1):equal(1)", #"expect has no matcher "equal"; did you mean "equals"?"#),
    ("error('boom')", "boom"), ("error({ 1 })", "table"),
    ("kernel{ clinets = 2 }", #"kernel has no field "clinets"; did you mean "clients"?"#),
    ("kernel{ status = 'idel' }", #"kernel.status: "idel" is not known; did you mean "idle"?"#),
    ("kernel{ clients = 'two' }", "kernel.clients must be a whole number, found a string"),
    ("kernel{ memory = '12X' }", "kernel.memory: \"12X\" is no size"),
    ("fleet{ { clients = 1 } }", "member 1 of the fleet was not made by kernel{…} in this test"),
    ("ask.route({ langage = 'lua' })", #"request has no field "langage"; did you mean "language"?"#),
    ("ask.route('lua')", "the request must be a table"), ("clock.advance(-1)", "the clock never goes back"),
    ("clock.set('soon')", "the time: \"soon\" is no length of time"),
    ("local k = kernel{}; ask.route({}, fleet{ k, k })", "the kernel kernel-00000001 is in the fleet twice"),
  ]) func complaintsNameTheLine(_ statement: String, _ complaint: String) throws {
    let report = try directory.run(lua: "it(\"t\", function()\n  \(statement)\nend)\n")
    let failure = try #require(report.failure("t"))
    #expect(failure.place == "p.test.lua:2")
    #expect(failure.summary.contains(complaint), "\(failure.summary)")
  }

  @Test func matchersHold() throws {
    let report = try directory.run(
      lua: """
        it("holds", function()
          expect({ a = { 1, "x" } }):equals({ a = { 1, "x" } }):contains{ a = { 1, "x" } }
          expect(2):equals(2.0):is_at_least(2):is_at_most(2):is_above(1):is_below(3):is_one_of{ 1, 2 }
          expect(nil):is_nil()
          expect(true):is_true():never():is_false()
          expect("abc"):contains("b"):matches("^a.c$"):has_length(3):never():contains("x")
          expect({ 1, { 2 } }):contains({ 2 }):has_length(2)
          expect(0.1 + 0.2):is_close(0.3)
          expect(function() error("boom") end):fails("boom$")
          assert(true)
          assert "text"
        end)
        """)
    #expect(report.complaints == [])
  }
}
