// An hour of use compressed into five minutes: kernels come, compute and go as fast as the machine makes them, and a host
// ends with what it began with. `make soak` only; FLEET_SOAK_SECONDS sets the length.
import FleetClient
import Foundation
import Glibc
import JSON
import JupyterProtocol
import Testing

extension FaultTests {
  @Suite(.enabled(if: Scale.isLong, "make soak runs it")) struct Soak {
    /// What may be more at the end than after the first tenth. An allocator keeps some of what it had, and the table of
    /// events grows until it has its 100,000 rows.
    private static let memorySlack = 8 << 10, descriptorSlack = 2, threadSlack = 2
    private static let bytesPerEvent = 400

    private static let seconds = ProcessInfo.processInfo.environment["FLEET_SOAK_SECONDS"].flatMap(Int.init) ?? 300

    @Test func `a host ends where it began`() async throws {
      try await FaultFleet.with(ports: 100) { fleet in
        try fleet.up()
        let first = try Self.use(fleet, for: .seconds(max(10, Self.seconds / 10)))
        let before = try Self.footprint(fleet)
        let (sizeBefore, eventsBefore) = try Self.registry(fleet)
        let second = try Self.use(fleet, for: .seconds(Self.seconds))
        let after = try Self.footprint(fleet)
        let (sizeAfter, eventsAfter) = try Self.registry(fleet)
        print("soak: \(first + second) kernels in \(Self.seconds) s; before: \(before); after: \(after)")
        print(
          "soak: registry \(sizeBefore >> 10) KiB with \(eventsBefore) events, then \(sizeAfter >> 10) with \(eventsAfter)"
        )
        #expect(second > 100)
        #expect(after.memory <= before.memory + Self.memorySlack)
        #expect(after.descriptors <= before.descriptors + Self.descriptorSlack)
        #expect(after.threads <= before.threads + Self.threadSlack)
        #expect(sizeAfter <= sizeBefore + max(0, eventsAfter - eventsBefore) * Self.bytesPerEvent + (1 << 20))
        #expect(try fleet.rows().isEmpty)
        #expect(try fleet.strayFiles() == [])
        #expect(FleetProcess.all(of: fleet.home).allSatisfy { $0.role == .host })
      }
    }

    /// Eight clients; each starts a kernel, runs something in it that prints, and stops it, again and again.
    private static func use(_ fleet: FaultFleet, for duration: Duration) throws -> Int {
      let end = ContinuousClock.now + duration
      let ledger = Ledger()
      let crew = Crew()
      for number in 0..<8 {
        crew.start("user \(number)") {
          let client = fleet.client()
          var count = 0
          while ContinuousClock.now < end {
            count += 1
            let row = KernelRow(
              try client.spawn(["language": "lua", "name": .string("u\(number)-\(count)")])["kernel"] ?? .null)
            let said = try fleet.execute(
              "for i = 1, 200 do print(i) end state.set('i', 1) return 'ok'", connectionFile: row.connectionFile)
            if !said.hasSuffix("ok") { throw Problem("\(row.id) said \(said.suffix(40))") }
            _ = try client.kernels()
            _ = try client.exposition()
            if count % 5 == 0 { _ = try client.restart(row.id) }
            _ = try client.stop(row.id)
            ledger.count { $0.spawned += 1 }
          }
        }
      }
      let problems = crew.wait()
      if !problems.isEmpty { throw Problem(problems.joined(separator: "\n")) }
      return ledger.counts.spawned
    }

    /// When it has come to rest: what it holds for a moment after the last client is no leak.
    private static func footprint(_ fleet: FaultFleet) throws -> Footprint {
      try fleet.settle()
      var last = try Footprint(pid: fleet.hostPid)
      try wait(for: "the host to come to rest", within: .seconds(60)) {
        usleep(500_000)
        let now = try Footprint(pid: fleet.hostPid)
        defer { last = now }
        return now.descriptors == last.descriptors && now.threads == last.threads ? nil : "\(now)"
      }
      return last
    }

    private static func registry(_ fleet: FaultFleet) throws -> (bytes: Int, events: Int) {
      let path = fleet.home + "/fleet.db"
      let bytes = ["", "-wal"].reduce(0) { sum, suffix in
        sum + ((try? FileManager.default.attributesOfItem(atPath: path + suffix)[.size] as? Int) ?? 0)
      }
      let process = Process()
      let pipe = Pipe()
      process.executableURL = URL(filePath: "/usr/bin/sqlite3")
      process.arguments = ["-readonly", path, "SELECT count(*) FROM events"]
      process.standardOutput = pipe
      try process.run()
      let said = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      guard let events = Int(said.trimmingCharacters(in: .whitespacesAndNewlines)) else {
        throw Problem("the registry cannot be read: \(said)")
      }
      return (bytes, events)
    }
  }
}
