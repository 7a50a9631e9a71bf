// A full disk costs lines of the log, but neither the kernel nor the record of its end.

import Foundation
import Testing

@testable import FleetCore

@Suite struct LaunchFullDiskTests {
  /// A file system of 256 KiB; only root can make one, and not everywhere.
  private static func smallDisk(_ path: String) -> Bool {
    mount("fleet-test", path, "tmpfs", 0, "size=262144,mode=700") == 0
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
}
