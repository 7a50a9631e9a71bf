// The shim under fire: it is killed, or a call of it fails, at the n-th of those that change something, from its first
// act to the exit file of its kernel.
import FleetClient
import Foundation
import Glibc
import JSON
import Testing

extension FaultTests {
  @Suite struct ShimSweeps {
    @Test func `a shim that is killed at any call leaves no process without a row`() async throws {
      try await Self.sweep([0], sample: 14)
    }

    @Test func `a shim whose calls fail loses no end and no kernel`() async throws {
      try await Self.sweep([ENOSPC, EIO, EMFILE], sample: 6)
    }

    /// - Parameter errors: 0 kills.
    private static func sweep(_ errors: [Int32], sample: Int) async throws {
      let installation = try Installation()
      defer { installation.remove() }
      try await FaultFleet.with(programs: installation.directory) { fleet in
        try fleet.up()
        var random = SeededRandom.announced("sweep of the shim")
        let witness = try fleet.spawn("witness")
        let calls = try count(fleet, installation)
        var tally: [String: Int] = [:]
        var rounds = 0
        for error in errors {
          let all = Array(1...calls)
          for number in Scale.isLong ? all : Array(all.shuffled(using: &random).prefix(sample)) {
            rounds += 1
            try installation.plan(number, error)
            let call = try round(fleet, "k\(rounds)", installation, "call \(number), error \(error)")
            tally[call, default: 0] += 1
            let row = try fleet.rows().first { $0.id == witness.id }
            guard row?.pid == witness.pid, row?.answers == true else { throw Problem("another kernel was hurt") }
          }
        }
        print("sweep of the shim, \(calls) calls: \(rounds) faults at \(tally.sorted { $0.key < $1.key }); 0 orphaned")
      }
    }

    /// How many calls there are in the life of a kernel that is spawned and stopped.
    private static func count(_ fleet: FaultFleet, _ installation: Installation) throws -> Int {
      try installation.plan(.max, 0)
      _ = try fleet.spawn("counted")
      _ = try fleet.client().stop("counted")
      var count = 0
      try wait(for: "the report of the tracer") {
        count = installation.report.flatMap { Int($0.prefix { $0.isNumber }) } ?? 0
        return count > 0 ? nil : "there is none"
      }
      return count
    }

    /// A kernel is spawned, used and stopped, of whose first shim something goes wrong; the call that did.
    private static func round(
      _ fleet: FaultFleet, _ name: String, _ installation: Installation, _ what: String
    ) throws -> String {
      let client = fleet.client()
      let groups = FaultFleet.emptyGroups()
      do {
        let kernel = try fleet.spawn(name)
        // It may die meanwhile.
        let said = try? fleet.execute("print(1) return 2", connectionFile: kernel.connectionFile, within: .seconds(5))
        if let said, said != "1\n2" { throw Problem("\(what): it said \(said)") }
        _ = try client.stop(name, timeout: .seconds(2))
        if try fleet.rows().contains(where: { $0.name == name }) { throw Problem("\(what): stopped and there") }
      } catch let error as FleetClientError {
        guard case .refused(_, let code, let message) = error, code != "internal" else { throw error }
        // The start was refused: nothing may be left. Or it died and comes back: then it is to be found.
        if message.isEmpty { throw Problem("\(what): refused without a word") }
      }
      installation.forgetPlan()
      do { try fleet.settle() } catch { throw Problem("\(what): \(error)") }
      for row in try fleet.rows() where row.name == name { _ = try client.stop(row.id, force: true) }
      _ = try client.cleanup()
      try wait(for: "\(what): the files to go") {
        let stray = try fleet.strayFiles() + FaultFleet.emptyGroups().subtracting(groups)
        return stray.isEmpty ? nil : "\(stray)"
      }
      return installation.report.flatMap { $0.split(separator: " ").last.map(String.init) } ?? "nothing"
    }

    /// The built programs, with a shim that can be told to fail.
    private struct Installation {
      let directory: String

      init() throws {
        var template = Array((NSTemporaryDirectory() + "fleet-shims-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else { throw Problem("no temporary directory") }
        directory = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        let files = FileManager.default
        try files.createDirectory(atPath: directory + "/real", withIntermediateDirectories: false)
        for name in ["fleet", "fleet-kernel"] {
          try files.copyItem(atPath: "\(Built.programs)/\(name)", toPath: "\(directory)/\(name)")
        }
        try files.copyItem(atPath: Built.programs + "/fleet-shim", toPath: directory + "/real/fleet-shim")
        try files.copyItem(atPath: Built.directory + "/fleet-shim-faults", toPath: directory + "/fleet-shim")
      }

      /// For the next shim that starts.
      func plan(_ number: Int, _ error: Int32) throws {
        unlink(directory + "/shim-report")
        let text = "\(min(number, 1_000_000)) \(error)\n"
        try text.write(toFile: directory + "/shim-fault", atomically: true, encoding: .utf8)
      }

      func forgetPlan() { unlink(directory + "/shim-fault") }

      /// What the tracer wrote; nil while it traces.
      var report: String? {
        let text = try? String(contentsOfFile: directory + "/shim-report", encoding: .utf8)
        return text?.trimmingCharacters(in: .whitespacesAndNewlines)
      }

      func remove() { try? FileManager.default.removeItem(atPath: directory) }
    }
  }
}
