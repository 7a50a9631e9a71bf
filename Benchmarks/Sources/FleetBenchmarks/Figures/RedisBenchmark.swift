// Decisions per second, beside those of a script in Redis over the same rows.
import Dispatch
import FleetEngine
import Foundation
import PolicyHost
import Synchronization

enum RedisBenchmark: Benchmark {
  static let name = "redis"
  static let summary = "routing decisions per second at 100 kernels: a policy host, and EVALSHA with cjson on loopback"

  /// The rows are one value, as a host would store a registry for such scripts.
  private static let script = """
    local rows, best, least = cjson.decode(redis.call('GET', KEYS[1])), nil, math.huge
    for _, row in ipairs(rows) do
      if row.language == ARGV[1] and row.clients < least then best, least = row.id, row.clients end
    end
    return cjson.encode({use = best})
    """

  static func run(_ setting: Setting, _ report: inout Report) throws {
    let places: [String] = ["/usr/bin/redis-server", "/usr/local/bin/redis-server"]
    guard let program = places.first(where: { place in access(place, X_OK) == 0 }) else {
      return report.line("there is no redis-server here: apt-get install redis-server")
    }
    let rows = try SimulatedRows(100).rows
    let directory = try TemporaryDirectory.make("redis")
    defer { try? FileManager.default.removeItem(atPath: directory) }  // what is left is in a temporary directory
    let port = FreePorts.base(count: 1)
    let server = try Child([
      program, "--port", "\(port)", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", directory,
    ])
    defer { server.kill() }
    var client: RedisClient?
    try wait(for: "Redis") {
      client = try? RedisClient(port: port)  // it may not listen yet
      return client != nil
    }
    guard let client else { return }
    let theirs = try measure(client, rows, setting, report)
    let ours = try measureOurs(rows, setting, report)
    report.add(
      Figure(
        name: "decisions per second at 100 kernels, by Redis with cjson", aim: "≥ 20.0×",
        measured: Text.ratio(ours.one / theirs.one) + ", many in flight \(Text.ratio(ours.many / theirs.many))",
        isMet: ours.one >= 20 * theirs.one))
  }

  /// Decisions per second: one at a time, and many on the way at once.
  private typealias Rates = (one: Double, many: Double)

  private static let inFlight = 64

  private static func measure(
    _ client: RedisClient, _ rows: [KernelRow], _ setting: Setting, _ report: Report
  ) throws -> Rates {
    let json = rows.map { "{\"id\":\"\($0.id)\",\"language\":\"\($0.language)\",\"clients\":\($0.clients)}" }
    _ = try client.call(["SET", "fleet", "[\(json.joined(separator: ","))]"])
    let hash = try client.call(["SCRIPT", "LOAD", script])
    let question = ["EVALSHA", hash, "1", "fleet", "lua"]
    let expected = try client.call(question)
    guard expected.contains("kernel-") else { throw Failure("Redis answered \(expected)") }
    let rounds = setting.rounds(5000)
    let one = try rate(rounds) { for _ in 0..<rounds { _ = try client.call(question) } }
    let many = try rate(rounds) {
      for _ in 0..<rounds / inFlight { try client.pipeline(question, count: inFlight) }
    }
    report.line("Redis: \(Int(one)) a second one at a time, \(Int(many)) with \(inFlight) in flight")
    return (one, many)
  }

  private static func measureOurs(_ rows: [KernelRow], _ setting: Setting, _ report: Report) throws -> Rates {
    let text = """
      return {route = function(request, fleet)
        return {use = fleet:match(request):least("clients").id}
      end}
      """
    let patient = PolicyBudget(answer: .seconds(10))
    let policy = try DirectPolicy(path: "least.lua", text: Array(text.utf8), budget: patient)
    try policy.apply(rows.map(KernelRowChange.put))
    let question = PolicyQuestion(.route(Requirements(language: "lua")), now: Instant(nanoseconds: 0), seed: 1)
    let rounds = setting.rounds(50000)
    let one = try rate(rounds) { for _ in 0..<rounds { try check(policy.ask(question)) } }
    let directory = try TemporaryDirectory.make("policy")
    defer { try? FileManager.default.removeItem(atPath: directory) }  // what is left is in a temporary directory
    let file = directory + "/least.lua"
    try text.write(toFile: file, atomically: true, encoding: .utf8)
    let host = PolicyHost(route: [file], budget: patient) { print("  \($0.text)") }
    host.apply(rows.map(KernelRowChange.put))
    let many = try rate(rounds) { for _ in 0..<rounds / inFlight { try ask(host, question, inFlight) } }
    report.line(
      "policies: \(Int(one)) a second in the policy's thread, \(Int(many)) with \(inFlight) in flight to a host")
    return (one, many)
  }

  private static func check(_ answer: PolicyAnswer) throws {
    if let failure = answer.failure { throw Failure("the policy failed: \(failure)") }
  }

  private static func ask(_ host: PolicyHost, _ question: PolicyQuestion, _ count: Int) throws {
    let done = DispatchSemaphore(value: 0)
    let left = Mutex(count), failure = Mutex<String?>(nil)
    for _ in 0..<count {
      host.ask(question) { answer in
        if let what = answer.failure { failure.withLock { $0 = what } }
        let isLast = left.withLock {
          $0 -= 1
          return $0 == 0
        }
        if isLast { done.signal() }
      }
    }
    done.wait()
    if let what = failure.withLock({ $0 }) { throw Failure("the policy failed: \(what)") }
  }

  private static func rate(_ count: Int, _ body: () throws -> Void) throws -> Double {
    let start = ContinuousClock.now
    try body()
    return Double(count) / (ContinuousClock.now - start).inSeconds
  }
}
