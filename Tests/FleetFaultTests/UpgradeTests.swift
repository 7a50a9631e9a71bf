// New executables take the place of old ones while everything runs; and registries are copied, restored and damaged.
import FleetClient
import Foundation
import Glibc
import JSON
import JupyterProtocol
import Testing

extension FaultTests {
  @Suite struct Upgrades {
    /// Executables in a directory of their own, which can be replaced as `make install` does it.
    private struct Installation {
      let directory: String
      static let names = ["fleet", "fleet-kernel", "fleet-shim"]

      init() throws {
        var template = Array((NSTemporaryDirectory() + "fleet-installed-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else { throw Problem("no temporary directory") }
        directory = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        try install(mark: "the old one")
      }

      /// The same programs with another end, which no program minds: so that old and new are told apart.
      func install(mark: String) throws {
        for name in Self.names {
          let new = "\(directory)/\(name).new"
          try FileManager.default.copyItem(atPath: "\(Built.programs)/\(name)", toPath: new)
          let file = try FileHandle(forWritingTo: URL(filePath: new))
          try file.seekToEnd()
          try file.write(contentsOf: Data(mark.utf8))
          try file.close()
          guard rename(new, "\(directory)/\(name)") == 0 else { throw Problem("cannot install \(name)") }
        }
      }

      func remove() { try? FileManager.default.removeItem(atPath: directory) }
    }

    @Test func `after an upgrade, kernels with clients go on with their variables`() async throws {
      let installation = try Installation()
      defer { installation.remove() }
      try await FaultFleet.with(programs: installation.directory) { fleet in
        try fleet.up()
        let count = 20
        let kernels = try (0..<count).map { try fleet.spawn("k\($0)") }
        let clients = try kernels.map { try KernelClient(ConnectionFile(reading: $0.connectionFile)) }
        for (number, client) in clients.enumerated() {
          try client.waitUntilReady(timeout: .seconds(30))
          _ = try client.execute(ExecuteRequest("x = \(number)"), timeout: .seconds(30))
        }
        try installation.install(mark: "the new one")
        let said = try fleet.command("down")
        #expect(said.contains("\(count) kernels go on without it"), "\(said)")
        _ = try fleet.waitForEnd()
        try fleet.up()
        try fleet.settle()
        let rows = try fleet.rows()
        #expect(rows.map(\.pid).sorted() == kernels.map(\.pid).sorted())
        for (number, client) in clients.enumerated() {
          var printed = ""
          _ = try client.execute(ExecuteRequest("print(x)"), timeout: .seconds(30)) {
            if case .stream(_, let text) = $0 { printed += text }
          }
          #expect(printed == "\(number)\n")
        }
        let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(fleet.hostPid)/exe")
        #expect(program == installation.directory + "/fleet", "the old host runs on")
        let new = try fleet.spawn("new")
        #expect(try fleet.execute("return 6 * 7", connectionFile: new.connectionFile) == "42")
      }
    }

    @Test func `a copy of the registry that was made while it ran is accepted by the next host`() async throws {
      try await FaultFleet.with { fleet in
        try fleet.up()
        let early = try fleet.spawn("early")
        let stopped = try fleet.spawn("stopped")
        _ = try fleet.execute("x = 1", connectionFile: early.connectionFile)
        let database = fleet.home + "/fleet.db"
        // While others write.
        let crew = Crew()
        crew.start("load") { for number in 0..<5 { _ = try fleet.spawn("meanwhile-\(number)") } }
        try run("/usr/bin/sqlite3", [database, ".backup '\(fleet.base)/copy.db'"])
        try run("/usr/bin/sqlite3", [database, "VACUUM INTO '\(fleet.base)/copy2.db'"])
        #expect(crew.wait().isEmpty)
        _ = try fleet.client().stop(stopped.id)
        let late = try fleet.spawn("late")
        _ = try fleet.execute("x = 2", connectionFile: late.connectionFile)
        for copy in ["copy.db", "copy2.db"] {
          _ = try fleet.command("down")
          _ = try fleet.waitForEnd()
          for suffix in ["", "-wal", "-shm"] { unlink(database + suffix) }
          try FileManager.default.copyItem(atPath: "\(fleet.base)/\(copy)", toPath: database)
          try fleet.up()
          try fleet.settle()
          let rows = try fleet.rows()
          let names = Set(rows.map(\.name))
          // What came after the copy is found by its files; what was stopped after it comes back, as after a crash.
          #expect(names.isSuperset(of: ["early", "late", "stopped"]), "\(names)")
          #expect(rows.first { $0.name == "early" }?.pid == early.pid)
          #expect(rows.first { $0.name == "late" }?.pid == late.pid)
          #expect(try fleet.execute("return x", connectionFile: early.connectionFile) == "1")
          #expect(try fleet.execute("return x", connectionFile: late.connectionFile) == "2")
          #expect(rows.count { $0.name.hasPrefix("meanwhile") } == 5)
          #expect(try !FileManager.default.contentsOfDirectory(atPath: fleet.home).contains { $0.contains("damaged") })
        }
      }
    }

    @Test func `a registry of the first version is set aside, and every kernel is adopted`() async throws {
      try await FaultFleet.with { fleet in
        try fleet.up()
        let kernels = try (0..<3).map { try fleet.spawn("k\($0)") }
        _ = try fleet.command("down")
        _ = try fleet.waitForEnd()
        // Rows had no checksums then.
        try run("/usr/bin/sqlite3", [fleet.home + "/fleet.db", "ALTER TABLE kernels DROP COLUMN checksum"])
        try fleet.up()
        try fleet.settle()
        let rows = try fleet.rows()
        #expect(rows.map(\.pid).sorted() == kernels.map(\.pid).sorted())
        #expect(Set(rows.map(\.name)) == ["k0", "k1", "k2"])
        let names = try FileManager.default.contentsOfDirectory(atPath: fleet.home)
        #expect(names.contains { $0.hasPrefix("fleet.db.damaged-") })
      }
    }

    private func run(_ program: String, _ arguments: [String]) throws {
      let process = Process()
      process.executableURL = URL(filePath: program)
      process.arguments = arguments
      try process.run()
      process.waitUntilExit()
      if process.terminationStatus != 0 { throw Problem("\(program) \(arguments) failed") }
    }

    @Test func `a damaged registry is set aside, and every kernel is adopted`() async throws {
      try await FaultFleet.with { fleet in
        var random = SeededRandom.announced("damaged registries under a real host")
        try fleet.up()
        let kernels = try (0..<4).map { try fleet.spawn("k\($0)") }
        for (number, kernel) in kernels.enumerated() {
          _ = try fleet.execute("x = \(number)", connectionFile: kernel.connectionFile)
        }
        var asides = 0
        let rounds = Scale.count(24, long: 200)
        for round in 0..<rounds {
          try fleet.killHost()
          let what = try Self.damage(fleet.home, &random)
          try fleet.up()
          try fleet.settle()
          let rows = try fleet.rows()
          if rows.map(\.pid).sorted() != kernels.map(\.pid).sorted() {
            throw Problem("round \(round), \(what): \(rows) instead of \(kernels)")
          }
          let aside = try FileManager.default.contentsOfDirectory(atPath: fleet.home).filter {
            $0.contains(".damaged-")
          }
          asides += aside.contains { !$0.hasSuffix("-wal") && !$0.hasSuffix("-shm") } ? 1 : 0
          for name in aside { unlink("\(fleet.home)/\(name)") }
        }
        for (number, kernel) in kernels.enumerated() {
          #expect(try fleet.execute("return x", connectionFile: kernel.connectionFile) == "\(number)")
        }
        #expect(asides > 0)
        print("damaged registries under a real host: \(rounds), \(asides) set aside; 4 kernels adopted each time")
      }
    }

    /// Flips bits of the database or of its log, or cuts one of them.
    private static func damage(_ home: String, _ random: inout SeededRandom) throws -> String {
      var name = random.one(in: 3) ? "fleet.db-wal" : "fleet.db"
      if (FileManager.default.contents(atPath: "\(home)/\(name)") ?? Data()).isEmpty { name = "fleet.db" }
      var bytes = [UInt8](try Data(contentsOf: URL(filePath: "\(home)/\(name)")))
      guard !bytes.isEmpty else { throw Problem("\(name) is empty") }
      var what = name
      if random.one(in: 3) {
        bytes.removeLast(1 + random.below(bytes.count))
        what += " cut to \(bytes.count)"
      } else {
        for _ in 0...random.below(30) {
          let place = random.one(in: 3) ? random.below(min(100, bytes.count)) : random.below(bytes.count)
          bytes[place] ^= UInt8(1 << random.below(8))
          what += " \(place)"
        }
      }
      // In place, as damage comes.
      let file = try FileHandle(forWritingTo: URL(filePath: "\(home)/\(name)"))
      try file.truncate(atOffset: 0)
      try file.write(contentsOf: Data(bytes))
      try file.close()
      return what
    }
  }
}
