import FleetEngine
import PolicyHost
import Testing

@testable import PolicyTools

private func check(_ text: String, path: String = "mine.lua") -> [String] {
  PolicyCheck.diagnostics(AuthorFile(path: path, text: text)).map(\.text)
}

/// A route policy with this body on line 2 and below.
private func route(_ body: String) -> [String] {
  check("return { route = function(request, fleet)\n\(body)\nend }")
}

private let answer = "return { spawn = {} }, 'new'"

@Test func policiesOfTheRepositoryHaveNoFindings() throws {
  let policies = LuaSamples.files().filter { $0.path.contains("/policies/") }
  #expect(policies.count >= 1)
  for file in policies { #expect(PolicyCheck.diagnostics(file) == [], "\(file.path)") }
}

/// Five ways to break a policy: each message names the file, the line and what to do.
@Test(arguments: [
  (
    "if fleet then return nil, 'x'",
    "mine.lua:3:5: error: unexpected symbol near '}'; perhaps an 'end' is missing before it"
  ),
  (
    "local k = fleet:match(request):least('clents') \(answer)",
    "mine.lua:2:38: error: a kernel has no field 'clents'; did you mean 'clients'?"
  ),
  (
    "return fleet:first(), 'the oldest'",
    "mine.lua:2:8: error: route answers a table such as { use = kernel.id }, not fleet:first()"
  ),
  (
    "while true do local x = now() end \(answer)",
    "mine.lua:2:1: error: this loop never ends; give it a condition, or leave it with 'break' or 'return'"
  ),
  (
    "local oldest = fleet:first()\nreturn { use = oldest.id }, 'the oldest'",
    "mine.lua:3: error: attempt to index a nil value (local 'oldest'); it can be nil, so test it first, as in: if oldest then … end (asked about an empty request, in a fleet of no kernel)"
  ),
])
func brokenPoliciesAreExplained(body: String, message: String) {
  #expect(route(body).contains { $0.hasPrefix(message) }, "\(route(body))")
}

@Test(arguments: [
  ("local x = reqest.owner \(answer)", "2:11: error: there is no variable 'reqest'; did you mean 'request'?"),
  ("local x = request.ownr \(answer)", "2:19: error: the request has no field 'ownr'; did you mean 'owner'?"),
  (
    "os.exit() \(answer)", "2:1: error: policies have no 'os': a policy does not reach the system; 'now()' is the clock"
  ),
  (
    "count = 1 \(answer)",
    "2:1: error: the global variable 'count' cannot be set while deciding; write 'local count', or 'memory.count' for what must last"
  ),
  (
    "request.owner = 'x' \(answer)",
    "2:1: error: the request can be read and not written; keep 'owner' in 'memory' or in a local"
  ),
  (
    "for k in fleet:each() do k.clients = 0 end \(answer)",
    "2:26: error: a kernel can be read and not written; keep 'clients' in 'memory' or in a local"
  ),
  (
    "local k = fleet.match(request) \(answer)", "2:17: error: 'match' is a method: write 'fleet:match(…)', with a colon"
  ),
  (
    "local k = fleet:mach(request) \(answer)",
    "2:17: error: a set of kernels has no method 'mach'; did you mean 'match'?"
  ),
  (
    "local k = fleet:where{ lnguage = 'lua' } \(answer)",
    "2:24: error: a kernel has no field 'lnguage'; did you mean 'language'?"
  ),
  ("local k = fleet:least('language') \(answer)", "2:23: error: 'language' of a kernel is no number"),
  ("local k = fleet:least() \(answer)", "2:17: error: 'least' needs field as well"),
  ("local x = string.formt('x') \(answer)", "2:18: error: 'string' has no 'formt'; did you mean 'format'?"),
  ("return { us = 'x' }, 'y'", "2:10: error: the answer has no 'us'; did you mean 'use'?"),
  (
    "return { use = 'x', wait = 1 }, 'y'",
    "2:8: error: the answer must have one of use, spawn, wait, reject, and only one"
  ),
  ("return { wait = '2' }, 'y'", "2:17: error: 'wait' takes a number, not '2'"),
  ("return { spawn = { confg = 'x' } }, 'y'", "2:20: error: the answer has no 'confg'; did you mean 'config'?"),
  (
    "return { spawn = 'openai.toml' }, 'y'",
    "2:18: error: 'spawn' takes a table such as { config = \"openai.toml\" }, not 'openai.toml'"
  ),
  ("return { 'x' }, 'y'", "2:10: error: the answer's fields have names: use, spawn, wait, reject"),
  ("return true, 'y'", "2:8: error: route answers a table such as { use = kernel.id }, not true"),
  ("return", "2:1: error: route returns nothing; return nil and a reason to leave the decision to others"),
  ("return nil", "2:8: error: no opinion needs a reason: return nil, \"why route leaves it to others\""),
  ("return { spawn = {} }", "2:8: warning: the answer has no reason: return {…}, \"why\", which people are shown"),
  ("return { spawn = {} }, 5", "2:24: error: the reason must be a string, not 5"),
  (
    "memory.map('seen', 10):put(1) \(answer)",
    "2:24: error: a map has no method 'put'; there are get, set, delete, count"
  ),
  ("memory.map('seen'):set(1, 2) \(answer)", "2:8: error: 'map' needs capacity as well"),
  ("local spare = 1 \(answer)", "2:7: warning: the local variable 'spare' is never used; remove it"),
  ("local function f() end \(answer)", "2:16: warning: the local function 'f' is never used; remove it"),
  (
    "fleet:match(request) \(answer)",
    "2:1: warning: 'fleet:match(request)' does nothing but give a result, which nobody uses; assign it, or remove it"
  ),
  (
    "if #fleet > 5000 then \(answer) end",
    "3:1: warning: route may end here without an answer; return nil and a reason to leave it to others"
  ),
  ("do \(answer) end log('x')", "2:37: warning: this is never reached"),
  (
    "local k = fleet:first() return { use = k.id }, 'x'",
    "2:40: warning: 'k' is nil if there is no such kernel; test it first, as in: if k then … end"
  ),
  (
    "return { use = fleet:first().id }, 'x'",
    "2:16: warning: 'fleet:first()' is nil if there is no such kernel; keep it in a local and test it first"
  ),
])
func mistakesAreFound(body: String, message: String) {
  #expect(route(body).contains("mine.lua:" + message), "\(route(body))")
}

@Test(arguments: [
  "local k = fleet:first() if k and k.clients == 0 then return { use = k.id }, 'x' end \(answer)",
  "local k = fleet:match(request):least('clients') or fleet:first() if not k then \(answer) end return { use = k.id }, 'k'",
  "for _, k in ipairs(fleet:list()) do if k.owner == 'ann' then return { use = k.id }, k.owner end end \(answer)",
  "memory.n = (memory.n or 0) + 1 log(memory.n) return nil, 'none'",
  "local seen = memory.map('seen', 10) seen:set('a', (seen:get('a') or 0) + 1) memory.other = {} return nil, 'none'",
  "local ok, why = pcall(error, 'x') if ok then return nil, why end \(answer)",
  "while true do if random() > 0.1 then break end end \(answer)",
  "repeat local x = random(10) until x > 3 \(answer)",
  "local set = fleet:where{ language = 'lua' } return #set > 0 and { use = set:first().id } or { spawn = {} }, 'x'",
  "local helper = setmetatable({}, { __index = function(_, k) return k end }) return { spawn = { config = helper.x } }, 'x'",
  "return { reject = 'the reason is here' }", "goto done ::done:: \(answer)", "error('never asked in earnest', 0)",
])
func whatIsRightIsNotComplainedOf(body: String) {
  let found = route(body).filter { !$0.contains("never asked in earnest") && !$0.contains("'set:first()' is nil") }
  #expect(found == [])
}

@Test(arguments: [
  (
    "local x = 1",
    "1:12: error: the file returns no policy; it should end with: return { route = function(request, fleet) … end }"
  ),
  (
    "return function(request, fleet) return nil, 'x' end",
    "1:8: error: the file returns a function, not a table of them: return { route = function(request, fleet) … end }"
  ),
  ("return { rout = function() return nil, 'x' end }", "1:10: error: nobody asks 'rout'; did you mean 'route'?"),
  ("return { route = 5 }", "1:18: error: 'route' is 5, not a function"),
  (
    "return {}",
    "1:8: error: the policy has none of the functions admit, route, scale, alert, restart: return { route = function(request, fleet) … end }"
  ),
  (
    "local M = {} function M.scale(pool) return { wanted = pool.mim }, 'x' end return M",
    "1:60: error: the pool has no field 'mim'; did you mean 'min'?"
  ),
  (
    "local function r(q) return { use = q.sesion }, 'x' end return { route = r }",
    "1:38: error: the request has no field 'sesion'; did you mean 'session'?"
  ),
  (
    "return { scale = function(pool) return 3, 'x' end }",
    "1:40: error: scale answers a table such as { wanted = 3 }, not 3"
  ),
  (
    "return { scale = function() return { retire = {} }, 'x' end }",
    "1:36: error: the answer needs 'wanted': Kernels that the pool should have."
  ),
  (
    "return { alert = function() return { name = 'x' } end }",
    "1:45: error: alert answers a list of tables: { { name = \"HighMemory\", kernel = kernel } }"
  ),
  (
    "return { alert = function() return { { nme = 'x' } } end }",
    "1:40: error: the answer has no 'nme'; did you mean 'name'?"
  ),
  (
    "return { admit = function() return { allow = false }, 'x' end }",
    "1:46: error: 'allow' takes true or a table of limits; to refuse, answer { reject = \"why\" }, not false"
  ),
  (
    "return { admit = function() return { allow = { memry = 1 } }, 'x' end }",
    "1:48: error: the answer has no 'memry'; did you mean 'memory'?"
  ),
  (
    "return { restart = function(k, exit) return { after = exit.recnt }, 'x' end }",
    "1:60: error: the exit has no field 'recnt'; did you mean 'recent'?"
  ),
  ("x.y = 1 return { route = function() return nil, 'x' end }", "1:1: error: there is no variable 'x'"),
  ("error('no', 0) return { route = function() return nil, 'x' end }", "1: error: no"),
])
func wholeFilesAreUnderstood(text: String, message: String) {
  let found = check(text)
  let isThere = found.contains {
    $0.hasPrefix("mine.lua:" + message) || $0.hasPrefix("mine.lua: error: no") && message == "1: error: no"
  }
  #expect(isThere, "\(found)")
}

/// What no reading of it tells: a loop that only running it shows to be endless.
@Test func aPolicyThatDoesNotComeBackIsToldOf() {
  let found = route("local n = 1 while n > 0 do n = n + random(1, 2) end return nil, 'never'")
  #expect(
    found == [
      "mine.lua:2: error: ran past its deadline of 2000.0 ms; a loop does not end, or does too much "
        + "(asked about an empty request, in a fleet of no kernel)"
    ])
}

@Test func testsFindTheirOwnNames() {
  let text = "describe('x', function() it('y', function() expect(ask.route({}, fleet{}).use):equals('z') end) end)"
  #expect(check(text, path: "mine.test.lua") == [])
  #expect(
    check("descibe('x')", path: "mine.test.lua") == [
      "mine.test.lua:1:1: error: there is no variable 'descibe'; did you mean 'describe'?"
    ])
}

@Test func findingsAreDocuments() {
  let found = PolicyCheck.diagnostics(AuthorFile(path: "p/mine.lua", text: "return { route = 5 }"))
  #expect(found.first?.json["line"]?.int == 1)
  #expect(found.first?.json["severity"]?.string == "error")
  #expect(found.first?.json["code"]?.string == "entry")
  #expect(found.first?.json["path"]?.string == "p/mine.lua")
}
