// Databases that were flipped or cut at random places: they always open, what was there is kept aside, and nothing that
// was not written is read.

import FleetEngine
import Foundation
import Testing

@testable import FleetCore

@Suite struct RegistryDamageTests {
  private static let kernels = 40
  /// Tries of each kind; `FLEET_TEST_DAMAGE=1000` for a night.
  private static let tries = ProcessInfo.processInfo.environment["FLEET_TEST_DAMAGE"].flatMap(Int.init) ?? 60

  /// The bytes of a database in use, and of its log: half of the rows in the one, half in the other.
  fileprivate struct Original: Sendable {
    var database: [UInt8]
    var log: [UInt8]

    init() throws {
      let directory = try TemporaryDirectory()
      let path = directory.file("fleet.db")
      let note = Note(kernel: .number(1), event: .died, detail: String(repeating: "words ", count: 50))
      let notes = (0..<200).map { StoredNote(time: Int64($0), note: note) }
      for half in [1..<21, 21..<41] {
        let (open, _) = try RegistryDatabase.open(path: path)
        let changes = half.map { RowChange.put(.complete($0), backoff: nil) }
        try open.write(.init(changes: changes, notes: notes, totalSpawned: half.upperBound), durable: true)
        if half.lowerBound == 1 {
          try open.close()
        } else {
          database = try [UInt8](Data(contentsOf: URL(filePath: path)))
          log = try [UInt8](Data(contentsOf: URL(filePath: path + "-wal")))
          try open.close()
          return
        }
      }
      fatalError("two halves")
    }
  }

  /// Opens a damaged pair of files, uses it, and opens it again; not on a thread of the concurrency pool, which other
  /// tests need.
  private func check(_ original: Original, _ what: String) async throws {
    try await Self.queue.run { try Self.checkHere(original, what) }
  }

  private static let queue = BlockingQueue("damage")

  private static func checkHere(_ original: Original, _ what: String) throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("fleet.db")
    try Data(original.database).write(to: URL(filePath: path))
    try Data(original.log).write(to: URL(filePath: path + "-wal"))
    let (database, content) = try RegistryDatabase.open(path: path)
    for stored in content.kernels {
      #expect(stored.kernel == Kernel.complete(stored.kernel.serial).durable, "\(what): a row that nobody wrote")
    }
    if let aside = database.setAside {
      #expect(content.kernels.isEmpty)
      #expect(try Data(contentsOf: URL(filePath: aside)) == Data(original.database), "\(what): not kept as it was")
      // An empty log may be removed.
      let log = FileManager.default.contents(atPath: aside + "-wal") ?? Data()
      #expect(log == Data(original.log), "\(what): log not kept")
    }
    _ = try database.notes(of: nil, last: 1000)
    try database.write(.init(changes: [.put(.complete(100), backoff: nil)], totalSpawned: 100), durable: true)
    try database.close()
    #expect(try RegistryDatabase.kernels(at: path).last == Kernel.complete(100).durable, "\(what): not usable")
  }

  private func flips(_ bytes: inout [UInt8], _ random: inout some RandomNumberGenerator) -> String {
    let places = (0..<Int.random(in: 1...4, using: &random)).map { _ in Int.random(in: 0..<bytes.count, using: &random)
    }
    for place in places { bytes[place] ^= UInt8(1) << UInt8.random(in: 0...7, using: &random) }
    return "flipped \(places)"
  }

  @Test func theWholeFilesAreSound() async throws { try await check(try Original(), "whole") }

  @Test func flippedBits() async throws {
    let original = try Original()
    var random = SeededRandom.announced("damage")
    for _ in 0..<Self.tries {
      var damaged = original
      let what = flips(&damaged.database, &random)
      try await check(damaged, "database " + what)
    }
  }

  /// The header and the pages of the schema are a small part of a file, and the most fragile one.
  @Test func flippedBitsOfTheFirstPage() async throws {
    let original = try Original()
    var random = SeededRandom.announced("damage")
    for _ in 0..<Self.tries {
      var damaged = original
      damaged.log = []
      var first = Array(damaged.database[..<4096])
      let what = flips(&first, &random)
      damaged.database.replaceSubrange(..<4096, with: first)
      try await check(damaged, "first page " + what)
    }
  }

  /// A flip that only a later write would notice: to SQLite, a column of another case is the same column.
  @Test func aSchemaThatOnlyAWriteFindsDamaged() async throws {
    var damaged = try Original()
    damaged.log = []
    let name = Array("number INTEGER".utf8)
    let first = damaged.database[..<4096]
    let place = try #require((0..<(first.count - name.count)).first { first[$0...].starts(with: name) })
    damaged.database[place] ^= 0x20
    try await check(damaged, "a column's name")
  }

  @Test func everyByteOfTheHeader() async throws {
    let original = try Original()
    for place in 0..<100 {
      var damaged = original
      damaged.log = []
      damaged.database[place] ^= 0xFF
      try await check(damaged, "header byte \(place)")
    }
  }

  @Test func flippedBitsOfTheLog() async throws {
    let original = try Original()
    var random = SeededRandom.announced("damage")
    for _ in 0..<Self.tries {
      var damaged = original
      let what = flips(&damaged.log, &random)
      try await check(damaged, "log " + what)
    }
  }

  @Test func cutFiles() async throws {
    let original = try Original()
    for _ in 0..<Self.tries {
      var damaged = original
      damaged.database.removeLast(Int.random(in: 1...damaged.database.count))
      damaged.log.removeLast(Int.random(in: 0...damaged.log.count))
      try await check(damaged, "cut to \(damaged.database.count) and \(damaged.log.count)")
    }
  }

  @Test func somethingElseEntirely() async throws {
    let original = try Original()
    for bytes in [
      [UInt8]("not a database, but long enough to be looked at as one".utf8), Array(repeating: 0, count: 5000),
    ] {
      try await check(Original(database: bytes, log: original.log), "something else")
    }
  }
}

extension RegistryDamageTests.Original {
  fileprivate init(database: [UInt8], log: [UInt8]) {
    self.database = database
    self.log = log
  }
}
