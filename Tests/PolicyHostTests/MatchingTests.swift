// The shipped policy against the native rule: on any fleet they choose the same kernel.

import FleetEngine
import PolicyHost
import Testing

@Suite struct MatchingTests {
  /// The repository's policies/, found from here.
  static let leastLoaded =
    #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/policies/least_loaded.lua"

  @Test(arguments: [1, 2, 3] as [UInt64]) func leastLoadedIsTheNativeRule(_ seed: UInt64) async throws {
    var random = Random(state: seed)
    let host = PolicyHost(route: [Self.leastLoaded], budget: patient, log: Log().take)
    var rows: [Int: KernelRow] = [:]
    for _ in 0..<300 {
      let serial = Int.random(in: 1...40, using: &random)
      if Int.random(in: 0..<5, using: &random) == 0, let old = rows.removeValue(forKey: serial) {
        host.apply([.remove(old.uuid)])
      } else {
        let new = randomRow(serial, &random)
        rows[serial] = new
        host.apply([.put(new)])
      }
      let request = randomRequest(&random)
      let (native, _) = Router.decide(request, rows: rows.values.sorted { $0.serial < $1.serial })
      let answer = await host.decide(request)
      #expect(answer.failure == nil)
      guard case .use(let uuid) = native else {
        #expect(answer.route == native)
        continue
      }
      #expect(answer.route == rows.values.first { $0.uuid == uuid }.map { .use($0.id) })
    }
  }

  private func randomRow(_ serial: Int, _ random: inout Random) -> KernelRow {
    row(
      serial, language: ["lua", "python"].randomElement(using: &random)!,
      config: [nil, "/a/openai.toml", "/b/local.toml"].randomElement(using: &random)!,
      provider: [nil, "openai"].randomElement(using: &random)!,
      memory: [nil, 100, 1000].randomElement(using: &random)!,
      labels: [[:], ["tier": "gold"], ["tier": "gold", "zone": "b"]].randomElement(using: &random)!,
      owner: ["", "ann"].randomElement(using: &random)!, clients: Int.random(in: 0...3, using: &random),
      status: Status.allCases.randomElement(using: &random)!, sessions: serial % 3 == 0 ? ["s\(serial)"] : [])
  }

  private func randomRequest(_ random: inout Random) -> Requirements {
    Requirements(
      language: [nil, "lua"].randomElement(using: &random)!,
      config: [nil, nil, "openai", "x/openai.toml", "openai.toml/", "local.toml"].randomElement(using: &random)!,
      provider: [nil, nil, "openai"].randomElement(using: &random)!,
      memory: [nil, nil, 500].randomElement(using: &random)!,
      labels: [[:], [:], ["tier": "gold"], ["tier": "gold", "zone": "b"]].randomElement(using: &random)!,
      owner: [nil, nil, "ann"].randomElement(using: &random)!,
      session: [nil, "s3", "s9", "unknown"].randomElement(using: &random)!,
      source: [nil, "jupyter"].randomElement(using: &random)!,
      path: [nil, "a.ipynb", "b.ipynb"].randomElement(using: &random)!)
  }
}

private struct Random: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return (state >> 33) | (state << 31)
  }
}
