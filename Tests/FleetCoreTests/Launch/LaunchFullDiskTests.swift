// A full disk costs lines of the log, but neither the kernel nor the record of its end.

import Foundation
import Testing

@testable import FleetCore

@Suite struct LaunchFullDiskTests {
  /// A file system of 256 KiB; only root can make one, and not everywhere.
  private static func smallDisk(_ path: String, _ options: String = "size=262144") -> Bool {
    mount("fleet-test", path, "tmpfs", 0, options + ",mode=700") == 0
  }

  private static let canMount: Bool = {
    let path = NSTemporaryDirectory() + "/fleet-mount-\(getpid())"
    defer { rmdir(path) }
    guard mkdir(path, 0o700) == 0, smallDisk(path) else { return false }
    return umount2(path, Int32(MNT_DETACH)) == 0
  }()

  @Test(.enabled(if: canMount)) func logAndRecord() async throws {
    try await LaunchFixture.with { fleet in
      let disk = fleet.directory + "/disk"
      try #require(mkdir(disk, 0o700) == 0 && Self.smallDisk(disk))
      defer { umount2(disk, Int32(MNT_DETACH)) }
      let gates = ["a", "b"].map { "\(fleet.directory)/\($0)" }
      let script = """
        echo first; i=0; while [ $i -lt 20000 ]; do echo "line $i of a log that fills the disk"; i=$((i+1)); done
        echo full > \(gates[0]); while [ ! -e \(gates[1]) ]; do sleep 0.01; done; echo after; exit 6
        """
      var request = fleet.request(["sh", "-c", script], rotation: LogRotation(size: 0))
      request.directory = disk
      request.logFile = disk + "/kernel.log"
      let process = try await fleet.launch(request)
      #expect(await eventually { FileManager.default.fileExists(atPath: gates[0]) })
      // The pipe may still hold lines; the disk is full once the log stops growing at its size.
      #expect(await eventually { ((try? Data(contentsOf: URL(filePath: request.logFile)))?.count ?? 0) > 200_000 })
      let filler = disk + "/filler"
      #expect(!FileManager.default.createFile(atPath: filler, contents: Data(count: 1 << 20)))
      try? FileManager.default.removeItem(atPath: filler)
      try fleet.touch(gates[1])
      let copy = try process.shim.duplicate()
      #expect(try await fleet.events.readable(copy.descriptor, within: .seconds(20)) == .ready)
      let record = try #require(try ExitRecord.read(id: request.id, nonce: request.nonce, directory: disk))
      #expect(record.ending == .code(6))
      #expect(record.lostLogBytes > 0)
      let lines = try LogTail.last(1_000_000, of: request.logFile).lines
      #expect(lines.first == "first")
    }
  }

  /// A disk with room for bytes and for no more files: the rotation goes on with those that there are.
  @Test(.enabled(if: canMount, "only root can mount a small disk")) func rotationWithoutRoomForAnotherFile()
    async throws
  {
    try await LaunchFixture.with { fleet in
      let disk = fleet.directory + "/disk"
      // The directory, lock, record, pid file, log and two old ones.
      try #require(mkdir(disk, 0o700) == 0 && Self.smallDisk(disk, "size=16m,nr_inodes=7"))
      defer { umount2(disk, Int32(MNT_DETACH)) }
      let script = "i=0; while [ $i -lt 60000 ]; do echo \"line $i\"; i=$((i+1)); done"
      var request = fleet.request(["sh", "-c", script], rotation: LogRotation(size: 32 << 10, keep: 8))
      request.directory = disk
      request.logFile = disk + "/kernel.log"
      let process = try await fleet.launch(request)
      let copy = try process.shim.duplicate()
      #expect(try await fleet.events.readable(copy.descriptor, within: .seconds(60)) == .ready)
      let record = try #require(try ExitRecord.read(id: request.id, nonce: request.nonce, directory: disk))
      #expect(record.ending == .code(0) && record.lostLogBytes == 0)
      let logs = SmallFile.names(in: disk).filter { $0.hasPrefix("kernel.log") }
      #expect(logs.count >= 2 && !logs.contains("kernel.log.new"))
      let lines = try LogTail.last(1_000_000, of: request.logFile).lines
      #expect(lines.last == "line 59999")
      let first = 60000 - lines.count
      #expect(lines == (first..<60000).map { "line \($0)" })
      for name in logs {
        #expect(try Data(contentsOf: URL(filePath: "\(disk)/\(name)")).count <= 32 << 10)
      }
    }
  }
}
