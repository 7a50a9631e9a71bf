// A real host under load while everything goes wrong: afterwards every acknowledged kernel is there or its end is known,
// no process is without a row, and nothing is left over.
import FleetClient
import Foundation
import Glibc
import JSON
import Testing

extension FaultTests {
  @Suite struct Storms {
    @Test func `hosts are killed under load, and nothing that was acknowledged is lost`() async throws {
      let (clients, kills) = (Scale.count(10, long: 50), Scale.count(20, long: 200))
      let configuration = "[health]\ninterval = \"500ms\"\n[logs]\nmax_size = \"1M\"\nkeep = 2\n"
      try await FaultFleet.with(configuration: configuration, ports: 6 * clients) { fleet in
        let random = SeededRandom.announced("storm of \(clients) clients and \(kills) kills")
        try fleet.up()
        let fresh = try Self.footprintAtRest(fleet)
        let ledger = Ledger()
        let crew = Crew()
        for number in 0..<clients {
          let client = StormClient(fleet: fleet, ledger: ledger, number: number, most: 3)
          crew.start("client \(number)") { try client.run(random.seed) }
        }
        let outcome = Result { try Chaos(fleet: fleet, ledger: ledger).run(kills: kills, random.seed) }
        ledger.finish()
        let problems = crew.wait()
        try outcome.get()
        #expect(problems.isEmpty, "\(problems)")
        try Self.judge(fleet, ledger)
        try Self.judgeWhatIsLeft(fleet, fresh)
        for (code, message) in ledger.counts.messages.sorted(by: { $0.key < $1.key }) {
          print("storm: \(code), such as: \(message)")
        }
        print("storm: \(Self.text(ledger.counts)); 0 lost, 0 duplicated, 0 orphaned")
      }
    }

    private static func judge(_ fleet: FaultFleet, _ ledger: Ledger) throws {
      try fleet.settle(within: .seconds(90))
      let rows = try fleet.rows()
      let differences = ledger.differences(from: rows)
      if !differences.isEmpty { throw Problem(differences.joined(separator: "\n")) }
      var remembered = 0
      for entry in ledger.entries {
        guard let value = entry.value, !entry.restartAsked, !entry.stopAsked, !ledger.isCondemned(entry.pid),
          let row = rows.first(where: { $0.name == entry.name })
        else { continue }
        let n = try fleet.execute("return n", connectionFile: row.connectionFile)
        if n != "\(value)" { throw Problem("\(entry.name) has forgotten n: '\(n)' instead of \(value)") }
        remembered += 1
      }
      print("storm: \(rows.count) kernels at the end, \(remembered) of them with what they were told before")
    }

    /// What a host takes that has had kernels and has none.
    private static func footprintAtRest(_ fleet: FaultFleet) throws -> Footprint {
      _ = try fleet.spawn("first")
      _ = try fleet.client().stop("first")
      return try Footprint(pid: fleet.hostPid)
    }

    private static func judgeWhatIsLeft(_ fleet: FaultFleet, _ fresh: Footprint) throws {
      _ = try fleet.client().stopAll()
      _ = try fleet.client().cleanup()
      try wait(for: "nothing to be left") {
        let processes = FleetProcess.all(of: fleet.home).filter { $0.role != .host }
        if !processes.isEmpty { return "\(processes)" }
        let files = try fleet.strayFiles()
        return files.isEmpty ? nil : "\(files)"
      }
      try wait(for: "descriptors to be closed") {
        let now = try Footprint(pid: fleet.hostPid)
        return now.descriptors <= fresh.descriptors + 2 ? nil : "\(now) now, and \(fresh) at the beginning"
      }
      #expect(try fleet.rows().isEmpty)
    }

    private static func text(_ counts: Ledger.Counts) -> String {
      "\(counts.spawned) spawns, \(counts.stopped) stops, \(counts.restarted) restarts and \(counts.executed) executions "
        + "acknowledged, \(counts.refused) refused (\(counts.refusals.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))), \(counts.unanswered) unanswered; \(counts.hostsKilled) hosts, "
        + "\(counts.kernelsKilled) kernels and \(counts.shimsKilled) shims killed, \(counts.frozen) kernels frozen, "
        + "\(counts.spawnsFailed) times no process to be had, \(counts.fullDisks) full disks, "
        + "\(counts.fewDescriptors) times no descriptor to be had, \(counts.clockJumps) jumps of the clock"
    }
  }
}
