// What is written outlives the process that wrote it, however it ends, and a disk without room costs nothing that was
// there.

import FleetEngine
import Foundation
import Testing

@testable import FleetCore

@Suite struct RegistryCrashTests {
  private static let variable = "FLEET_TEST_REGISTRY"

  /// Runs in a process of its own, which is killed after the last write.
  private static func writeAndDie() async throws {
    guard let path = ProcessInfo.processInfo.environment[variable] else { return }
    let database = try RegistryDatabase.open(path: path).database
    let writer = RegistryWriter(database: database, bootID: "boot", log: .silent)
    writer.submit(.init(changes: (1...5).map { .put(.complete($0), backoff: nil) }, durable: true))
    let note = StoredNote(time: 1, note: Note(kernel: .number(1), event: .ready, detail: ""))
    // Lazily: without a sync of its own.
    writer.submit(
      .init(changes: [.put(.complete(6), backoff: nil), .remove(.number(5))], notes: [note], totalSpawned: 6))
    await writer.flush()
    kill(getpid(), SIGKILL)
  }

  @Test func whatWasWrittenLazilyOutlivesItsWriter() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("fleet.db")
    setenv(Self.variable, path, 1)
    defer { unsetenv(Self.variable) }
    await #expect(processExitsWith: .signal(SIGKILL)) { try await Self.writeAndDie() }
    let (database, content) = try RegistryDatabase.open(path: path)
    #expect(database.setAside == nil)
    #expect(content.kernels.map(\.kernel) == [1, 2, 3, 4, 6].map { Kernel.complete($0).durable })
    #expect(content.totalSpawned == 6)
    #expect(try database.notes(of: .number(1), last: 9).map(\.note.event) == [.ready])
    try database.close()
  }

  @Test(.enabled(if: SmallDisk.isPossible, "needs root, to mount a small disk")) func aFullDisk() async throws {
    let disk = try SmallDisk()
    let path = disk.path + "/fleet.db"
    let database = try RegistryDatabase.open(path: path).database
    try database.write(.init(changes: (1...5).map { .put(.complete($0), backoff: nil) }), durable: true)
    try disk.fill()
    var refused = 0
    for n in 6...200 {
      do throws(StorageError) {
        try database.write(.init(changes: [.put(.complete(n), backoff: nil)]), durable: true)
      } catch {
        refused += 1
        #expect(error.description == "cannot write the registry \(path): database or disk is full")
      }
    }
    #expect(refused > 0)
    let written = 200 - refused
    #expect(try database.notes(of: nil, last: 1).isEmpty)
    // Room again: the same connection goes on.
    disk.makeRoom()
    try database.write(.init(changes: [.put(.complete(300), backoff: nil)]), durable: true)
    try database.close()
    let serials = try RegistryDatabase.kernels(at: path).map(\.serial)
    #expect(serials == Array(1...written) + [300])
  }

  @Test(.enabled(if: SmallDisk.isPossible, "needs root, to mount a small disk")) func openingOnAFullDisk() async throws
  {
    let disk = try SmallDisk()
    let path = disk.path + "/fleet.db"
    let database = try RegistryDatabase.open(path: path).database
    try database.write(.init(changes: (1...5).map { .put(.complete($0), backoff: nil) }), durable: true)
    try database.close()
    try disk.fill()
    // It opens, or says why not; in neither case it touches what is there.
    do throws(StorageError) {
      let (open, content) = try RegistryDatabase.open(path: path)
      #expect(content.kernels.count == 5 && open.setAside == nil)
      try open.close()
    } catch {
      #expect(error.description.hasPrefix("cannot open the registry \(path): "))
    }
    disk.makeRoom()
    #expect(try RegistryDatabase.kernels(at: path).count == 5)
    #expect(!SmallFile.names(in: disk.path).contains { $0.contains("damaged") })
  }
}

/// A file system of half a MiB that is mounted for a test.
final class SmallDisk: Sendable {
  let path: String

  static let isPossible: Bool = {
    // Only root can mount, and not everywhere.
    guard let disk = try? SmallDisk() else { return false }
    return disk.isMounted
  }()

  private let isMounted: Bool

  init() throws {
    var bytes = Array(FileManager.default.temporaryDirectory.appending(path: "fleet-disk-XXXXXX").path.utf8CString)
    try #require(mkdtemp(&bytes) != nil)
    path = String(decoding: bytes.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    isMounted = mount("fleet-test", path, "tmpfs", 0, "size=512k,mode=700") == 0
  }

  deinit {
    if isMounted { umount2(path, Int32(MNT_DETACH)) }
    rmdir(path)
  }

  /// Takes the last byte, or leaves some pages of 4,096 bytes.
  func fill(leaving pages: Int = 0) throws {
    let descriptor = open(path + "/filler", O_WRONLY | O_CREAT | O_APPEND, 0o600)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    for size in [4096, 1] {
      let block = [UInt8](repeating: 0, count: size)
      while write(descriptor, block, size) > 0 {}
    }
    if pages > 0 { ftruncate(descriptor, lseek(descriptor, 0, SEEK_END) / 4096 * 4096 - off_t(pages * 4096)) }
  }

  func makeRoom() { unlink(path + "/filler") }
}
