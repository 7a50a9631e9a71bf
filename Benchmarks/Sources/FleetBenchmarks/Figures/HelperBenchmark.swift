// What the native helpers take, what rows and states weigh, and what the sandbox costs a policy's own code.
import FleetEngine
import Foundation
import PolicyHost

enum HelperBenchmark: Benchmark {
  static let name = "helpers"
  static let summary = "decisions by native helpers at 1000 rows; bytes of rows and states; the sandbox and plain Lua"

  private static let question = PolicyQuestion(
    .route(Requirements(language: "lua", session: "unknown")), now: Instant(nanoseconds: 0), seed: 1)

  private static let helpers = [
    ("match and least", "fleet:match(request):least('clients')"),
    ("match and two_choices", "fleet:match(request):two_choices('clients')"),
    ("match and ring", "fleet:match(request):ring(request.session)"),
    ("match and ring with bounded loads", "fleet:match(request):ring(request.session, {load = 1.25})"),
    ("match and ewma", "fleet:match(request):ewma()"),
    ("match and where", "fleet:match(request):where{model = 'm1'}:first()"),
    ("match and most", "fleet:match(request):most('memory')"),
  ]

  static func run(_ setting: Setting, _ report: inout Report) throws {
    let rows = try SimulatedRows(1000).rows
    for (name, call) in helpers {
      let text = "return {route = function(request, fleet) return {use = \(call).id} end}"
      let measured = try PolicyMeasurement(
        path: "helper.lua", text: text, rows: rows, question: question, rounds: setting.rounds(51))
      report.add(Figure("\(name), 1000 kernels", measured.decision.inSeconds, atMost: 3e-6, Text.time))
    }
    try weigh(rows, setting, &report)
    try compareWithPlainLua(setting, &report)
  }

  private static func weigh(_ rows: [KernelRow], _ setting: Setting, _ report: inout Report) throws {
    let reading = """
      return {route = function(request, fleet)
        local sum, last = 0, nil
        for kernel in fleet:each() do sum, last = sum + kernel.clients + (kernel.memory or 0), kernel.id end
        return {use = last}
      end}
      """
    let helped = "return {route = function(request, fleet) return {use = fleet:match(request):least('clients').id} end}"
    for (name, text) in [("that nobody reads", helped), ("of which three fields are read", reading)] {
      let measured = try PolicyMeasurement(path: "weigh.lua", text: text, rows: rows, question: question, rounds: 3)
      report.add(Figure("bytes of a row \(name)", Double(measured.bytesPerRow), atMost: 700) { "\(Int($0))" })
      guard text == helped else { continue }
      report.add(
        Figure("bytes of a state without rows", Double(measured.bytesOfState), atMost: 200_000) { "\(Int($0))" })
      report.add(Figure("loading a policy with 1000 rows", measured.loading.inSeconds, atMost: 5e-3, Text.time))
    }
  }

  private static let ordinary = [
    (
      "choosing among 100 tables",
      """
      local rows = {}
      for i = 1, 100 do rows[i] = {id = "k" .. i, language = i % 3 == 0 and "lua" or "python", clients = i * 7919 % 97} end
      return function()
        local best, least, owners = nil, math.huge, 0
        for i, row in ipairs(rows) do
          if row.language == "lua" and row.clients < least then best, least = row, row.clients end
          if row.clients > 50 then owners = owners + 1 end
        end
        return {use = best.id}, "fewest clients of " .. owners
      end
      """
    ),
    (
      "arithmetic, calls and closures",
      """
      local function ewma(old, new, weight) return old + (new - old) * weight end
      return function()
        local value, seen = 0, {}
        for i = 1, 100 do value = ewma(value, i % 17, 0.3) seen[i] = value end
        local function above(limit) local n = 0 for i = 1, #seen do if seen[i] > limit then n = n + 1 end end return n end
        return above(3) + above(8)
      end
      """
    ),
    (
      "strings and tables",
      """
      return function()
        local parts = {}
        for i = 1, 30 do parts[#parts + 1] = string.format("%s-%d", "kernel", i) end
        local text = table.concat(parts, ",")
        return #text, text:sub(3, 20), text:upper():byte(1), math.max(1, 5, 3), tostring(12)
      end
      """
    ),
  ]

  private static func compareWithPlainLua(_ setting: Setting, _ report: inout Report) throws {
    for (name, script) in ordinary {
      let ratio = try PolicyMeasurement.sandboxRatio(script, rounds: setting.rounds(51))
      report.add(Figure("the sandbox by plain Lua: \(name)", ratio, atMost: 1.05, Text.ratio))
    }
  }
}
