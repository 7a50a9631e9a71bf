// A registry that was flipped or cut a thousand times, and shims that live all the while: whatever is left of it, each
// of them is adopted, from its row or from its connection file, and none is taken for a stray.

import FleetConfiguration
import FleetEngine
import Foundation
import JSON
import Logging
import Testing

@testable import FleetCore

@Suite struct DamagedRecoveryTests {
  private static let kernels = 5
  private static let tries = ProcessInfo.processInfo.environment["FLEET_TEST_DAMAGE"].flatMap(Int.init) ?? 1000

  /// The files of a registry: the rows of live kernels, some in the database and some in its log.
  private struct Original: Sendable {
    let database: [UInt8]
    let log: [UInt8]

    init(_ kernels: [Kernel], _ path: String) throws {
      try Self.write(Array(kernels.prefix(3)), path).close()
      // Closing it would fold the log into the database.
      let open = try Self.write(Array(kernels.dropFirst(3)), path)
      database = try [UInt8](Data(contentsOf: URL(filePath: path)))
      log = try [UInt8](Data(contentsOf: URL(filePath: path + "-wal")))
      try open.close()
    }

    private static func write(_ kernels: [Kernel], _ path: String) throws -> RegistryDatabase {
      let (open, _) = try RegistryDatabase.open(path: path)
      let note = Note(kernel: nil, event: .died, detail: String(repeating: "words ", count: 50))
      try open.write(
        .init(
          changes: kernels.map { .put($0, backoff: nil) }, notes: (0..<50).map { StoredNote(time: $0, note: note) },
          totalSpawned: kernels.last?.serial, bootID: Recovery.bootID()), durable: true)
      return open
    }

    /// Bits flipped in one of the files or both, or their ends cut off.
    func damaged(_ random: inout SeededRandom) -> (database: [UInt8], log: [UInt8], what: String) {
      var (database, log) = (database, log)
      var what: [String] = []
      func flip(_ bytes: inout [UInt8], _ name: String, within limit: Int) {
        for _ in 0...random.below(8) {
          let place = random.below(min(limit, bytes.count))
          bytes[place] ^= UInt8(1 << random.below(8))
          what.append("\(name)[\(place)]")
        }
      }
      switch random.below(6) {
      case 0: flip(&database, "header", within: 100)
      case 1: flip(&database, "database", within: .max)
      case 2: flip(&log, "log", within: .max)
      case 3:
        flip(&database, "database", within: .max)
        flip(&log, "log", within: .max)
      case 4:
        database.removeLast(1 + random.below(database.count))
        what.append("cut to \(database.count)")
      default:
        database.removeLast(random.below(database.count))
        log.removeLast(1 + random.below(log.count))
        what.append("cut to \(database.count) and \(log.count)")
      }
      return (database, log, what.joined(separator: " "))
    }
  }

  @Test func nothingThatLivesIsEnded() async throws {
    try await LaunchFixture.with { fleet in
      let files = KernelFiles(directory: FleetDirectory(path: fleet.directory), bootID: Recovery.bootID())
      let kernels = (1...Self.kernels).map(Self.kernel)
      var processes: [LaunchedProcess] = []
      for kernel in kernels {
        try files.writeConnectionFile(kernel)
        var request = fleet.request(["sleep", "1000"], id: kernel.id.description)
        request.nonce = kernel.nonce
        request.environment["FLEET_NONCE"] = kernel.nonce
        processes.append(try await fleet.launch(request))
      }
      let random = SeededRandom.announced("damage")
      let shims = processes.map(\.shim.pid)
      let tally = try await BlockingQueue("test.damage").run {
        try Self.damage(files, kernels, shims, random)
      }
      print("damage: \(Self.tries) damaged registries: \(tally); \(Self.kernels) kernels adopted each time, 0 ended")
      #expect(tally.setAside > 0 && tally.sound > 0 && tally.rowsUnreadable > 0, "\(tally)")
    }
  }

  private struct Tally: Sendable, CustomStringConvertible {
    var setAside = 0, rowsUnreadable = 0, sound = 0, withoutRow = 0
    var description: String {
      "\(setAside) set aside, \(rowsUnreadable) with rows that cannot be read, \(withoutRow) rows from connection files, "
        + "\(sound) read as if nothing was"
    }
  }

  private static func damage(
    _ files: KernelFiles, _ kernels: [Kernel], _ shims: [Int32], _ random: SeededRandom
  ) throws -> Tally {
    var random = random
    var tally = Tally()
    let path = files.directory.database
    let original = try Original(kernels, path)
    for _ in 0..<tries {
      for name in SmallFile.names(in: files.directory.path) where name.hasPrefix("fleet.db") {
        unlink("\(files.directory.path)/\(name)")
      }
      let (database, log, what) = original.damaged(&random)
      try Data(database).write(to: URL(filePath: path))
      try Data(log).write(to: URL(filePath: path + "-wal"))
      let (open, content) = try RegistryDatabase.open(path: path)
      let outcome = Recovery(files: files, log: .silent).compare(content, setAside: open.setAside)
      for (kernel, shim) in zip(kernels, shims) {
        let row = outcome.rows.first { $0.kernel.id == kernel.id }
        guard case .running(let process) = row?.fate, process.shim == shim else {
          throw StorageError("\(what): \(kernel.id) lives and is \(row.map { "\($0.fate)" } ?? "lost")")
        }
      }
      if outcome.rows.count != kernels.count { throw StorageError("\(what): rows of nobody: \(outcome.rows)") }
      if !outcome.strays.isEmpty { throw StorageError("\(what): taken for strays: \(outcome.strays.map(\.id))") }
      if let aside = open.setAside, try [UInt8](Data(contentsOf: URL(filePath: aside))) != database {
        throw StorageError("\(what): what was set aside is not what was there")
      }
      tally.setAside += open.setAside == nil ? 0 : 1
      tally.rowsUnreadable += content.unreadable.isEmpty ? 0 : 1
      tally.withoutRow += outcome.unsaved.count
      tally.sound += open.setAside == nil && outcome.unsaved.isEmpty ? 1 : 0
      try open.close()
    }
    if let dead = shims.first(where: { !isAlive($0) }) { throw StorageError("shim \(dead) was ended") }
    return tally
  }

  private static func kernel(_ n: Int) -> Kernel {
    var kernel = Kernel.bare(n)
    // A nonce is looked for in the whole system, where others of these tests run.
    kernel = Kernel(
      id: .random(), serial: n, specification: kernel.specification, key: kernel.key, port: kernel.port)
    kernel.status = .idle
    kernel.wasReady = true
    return kernel
  }
}
