// The registry on a real disk: what is written is there for the next host, and only its owner can read it.

import FleetEngine
import Foundation
import GRDB
import Testing

@testable import FleetCore

@Suite struct RegistryDatabaseTests {
  let directory: TemporaryDirectory
  var path: String { directory.file("fleet.db") }

  init() throws { directory = try TemporaryDirectory() }

  @Test func rowsComeBackInTheOrderOfSpawning() throws {
    let (database, content) = try RegistryDatabase.open(path: path)
    #expect(content.kernels.isEmpty && content.totalSpawned == 0 && database.setAside == nil)
    let kernels = [3, 1, 2].map(Kernel.complete)
    var batch = RegistryDatabase.Batch(totalSpawned: 9, bootID: "boot")
    batch.changes = kernels.map { .put($0, backoff: .seconds(3)) }
    try database.write(batch, durable: true)
    try database.write(.init(changes: [.remove(.number(2))]), durable: false)
    try database.close()

    let (again, found) = try RegistryDatabase.open(path: path)
    #expect(found.kernels.map(\.kernel) == [1, 3].map { Kernel.complete($0).durable })
    #expect(found.kernels.allSatisfy { $0.backoff == .seconds(3) && $0.bootID == "boot" })
    #expect(found.totalSpawned == 9)
    try again.close()
  }

  @Test func aChangeReplacesTheRow() throws {
    let (database, _) = try RegistryDatabase.open(path: path)
    var kernel = Kernel.complete()
    try database.write(.init(changes: [.put(kernel, backoff: .seconds(1))]), durable: true)
    kernel.status = .idle
    kernel.port = 10_000
    try database.write(.init(changes: [.put(kernel, backoff: nil)]), durable: true)
    try database.close()
    #expect(try RegistryDatabase.kernels(at: path) == [kernel.durable])
  }

  @Test func nobodyElseCanReadTheKeys() throws {
    let before = umask(0)
    defer { umask(before) }
    let (database, _) = try RegistryDatabase.open(path: path)
    try database.write(.init(changes: [.put(.complete(), backoff: nil)]), durable: true)
    for suffix in ["", "-wal", "-shm"] { #expect(fileMode(path + suffix) == 0o600, "fleet.db\(suffix)") }
    try database.close()
    // One that was made by something else is closed to others too.
    chmod(path, 0o644)
    try RegistryDatabase.open(path: path).database.close()
    #expect(fileMode(path) == 0o600)
  }

  @Test func theStoryOfOneAndOfAll() throws {
    let (database, _) = try RegistryDatabase.open(path: path)
    let notes = (1...5).map { n in
      StoredNote(time: Int64(n), note: Note(kernel: n == 3 ? nil : .number(n % 2), event: .died, detail: "\(n)"))
    }
    try database.write(.init(notes: notes), durable: false)
    #expect(try database.notes(of: nil, last: 100) == notes)
    #expect(try database.notes(of: .number(1), last: 100).map(\.time) == [1, 5])
    #expect(try database.notes(of: .number(0), last: 1).map(\.time) == [4])
    #expect(try database.notes(of: .number(9), last: 100).isEmpty)
    try database.close()
  }

  @Test func theStoryIsBounded() throws {
    let (database, _) = try RegistryDatabase.open(path: path)
    let note = Note(kernel: nil, event: .storage, detail: "")
    let many = RegistryDatabase.mostEvents + 2000
    try database.write(
      .init(notes: (0..<many).map { StoredNote(time: Int64($0), note: note) }), durable: false)
    let kept = try database.notes(of: nil, last: many)
    #expect(kept.count <= RegistryDatabase.mostEvents + 1000)
    #expect(kept.last?.time == Int64(many - 1))
    try database.close()
  }

  /// What a transaction cannot write as a whole it does not write at all.
  @Test func afterItWasClosedItRefuses() throws {
    let (database, _) = try RegistryDatabase.open(path: path)
    try database.close()
    let error = try #require(throws: StorageError.self) {
      try database.write(.init(changes: [.remove(.number(1))]), durable: true)
    }
    #expect(error.description.hasPrefix("cannot write the registry \(path): "))
  }

  // MARK: Rows that cannot be read

  private func spoil(_ sql: String) throws {
    let queue = try DatabaseQueue(path: path)
    try queue.write { try $0.execute(sql: sql) }
    try queue.close()
  }

  private func fill(_ count: Int) throws {
    let (database, _) = try RegistryDatabase.open(path: path)
    try database.write(
      .init(changes: (1...count).map { .put(.complete($0), backoff: nil) }, totalSpawned: count), durable: true)
    try database.close()
  }

  static let spoilers = [
    "UPDATE kernels SET document = substr(document, 2) WHERE serial = 2",
    "UPDATE kernels SET document = replace(document, '9565', '9566') WHERE serial = 2",
    "UPDATE kernels SET document = x'00ff' WHERE serial = 2",
    "UPDATE kernels SET document = 17 WHERE serial = 2",
    "UPDATE kernels SET checksum = 'text' WHERE serial = 2",
    "UPDATE kernels SET uuid = '11111111-0000-4000-8000-000000000000' WHERE serial = 2",
    "UPDATE kernels SET uuid = x'00' WHERE serial = 2",
  ]

  @Test(arguments: spoilers) func anUnreadableRowIsSetAsideAlone(_ spoiler: String) throws {
    try fill(3)
    try spoil(spoiler)
    let (database, content) = try RegistryDatabase.open(path: path)
    #expect(database.setAside == nil)
    #expect(content.kernels.map(\.kernel.serial) == [1, 3])
    #expect(content.unreadable.count == 1)
    #expect(content.unreadable.allSatisfy { !$0.contains("0123456789abcdef") }, "a key is told")
    try database.close()
    let queue = try DatabaseQueue(path: path)
    #expect(try queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM unreadable_kernels") } == 1)
    #expect(try queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM kernels") } == 2)
    try queue.close()
  }

  @Test func eventsOfAnotherVersionAreSkipped() throws {
    try fill(1)
    try spoil(
      "INSERT INTO events (id, time, kernel, event, detail) VALUES (1, 1, NULL, 'invented', ''), (2, 'x', NULL, 'died', ''), (3, 3, 4, 'died', 'd')"
    )
    let (database, _) = try RegistryDatabase.open(path: path)
    #expect(try database.notes(of: nil, last: 10).map(\.time) == [3])
    try database.close()
  }

  // MARK: What is no damage

  @Test func aDirectoryInItsPlaceIsAnErrorAndNotDamage() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    let error = try #require(throws: StorageError.self) { try RegistryDatabase.open(path: path) }
    #expect(error.description == "cannot open the registry \(path): Is a directory")
    #expect(directory.names() == ["fleet.db"])
  }

  @Test func aDirectoryThatIsMissing() throws {
    let error = try #require(throws: StorageError.self) {
      try RegistryDatabase.open(path: directory.file("no/fleet.db"))
    }
    #expect(error.description.hasSuffix("/no/fleet.db: No such file or directory"))
  }

  @Test(.enabled(if: geteuid() != 0, "root may read everything")) func aFileThatMayNotBeRead() throws {
    try fill(1)
    chmod(path, 0)
    #expect(throws: StorageError.self) { try RegistryDatabase.open(path: path) }
    #expect(directory.names() == ["fleet.db"])
  }
}
