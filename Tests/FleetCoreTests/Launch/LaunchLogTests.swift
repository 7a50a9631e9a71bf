// Logs: nothing torn, nothing lost, whoever reads and however often they are rotated.

import Foundation
import Testing

@testable import FleetCore

@Suite struct LaunchLogTests {
  /// Writes numbered lines as fast as it can, through two descriptors, in blocks that end anywhere.
  private static let writer = """
    import os, sys
    count = int(sys.argv[1])
    text = "".join("line %d %s\\n" % (i, "x" * (i % 97)) for i in range(count)).encode()
    at = 0
    while at < len(text): at += os.write(1 + at % 2, text[at:at + 3000 + at % 1999])
    """

  private func expected(_ count: Int) -> [String] {
    (0..<count).map { "line \($0) " + String(repeating: "x", count: $0 % 97) }
  }

  /// The rotated files, oldest first.
  private func files(_ path: String) -> [String] {
    var names = [path]
    while FileManager.default.fileExists(atPath: "\(path).\(names.count)") { names.append("\(path).\(names.count)") }
    return names.reversed()
  }

  @Test func rotationTearsNoLineAndLosesNone() async throws {
    try await LaunchFixture.with { fleet in
      let rotation = LogRotation(size: 64 << 10, keep: 1000)
      let process = try await fleet.launch(
        fleet.request(["python3", "-c", Self.writer, "60000"], rotation: rotation))
      #expect(try await fleet.end(of: process)?.lostLogBytes == 0)
      let files = files(fleet.log(process))
      #expect(files.count > 40)
      var all = Data()
      for file in files {
        let data = try Data(contentsOf: URL(filePath: file))
        #expect(data.last == UInt8(ascii: "\n") && data.count <= (64 << 10) + 200)
        all += data
      }
      #expect(String(decoding: all, as: UTF8.self).split(separator: "\n").map(String.init) == expected(60000))
    }
  }

  @Test func onlyTheNewestAreKept() async throws {
    try await LaunchFixture.with { fleet in
      let process = try await fleet.launch(
        fleet.request(["python3", "-c", Self.writer, "20000"], rotation: LogRotation(size: 64 << 10, keep: 2)))
      _ = try await fleet.end(of: process)
      #expect(files(fleet.log(process)).count == 3)
      #expect(fleet.lines(process).last == expected(20000).last)
      let none = try await fleet.launch(
        fleet.request(["python3", "-c", Self.writer, "20000"], rotation: LogRotation(size: 64 << 10, keep: 0)))
      _ = try await fleet.end(of: none)
      #expect(files(fleet.log(none)).count == 1)
      #expect(fleet.lines(none).last == expected(20000).last)
    }
  }

  @Test func aLineWithoutEndDoesNotFillTheDisk() async throws {
    try await LaunchFixture.with { fleet in
      let process = try await fleet.launch(
        fleet.request(["head", "-c", "1000000", "/dev/zero"], rotation: LogRotation(size: 10000, keep: 3)))
      #expect(try await fleet.end(of: process)?.ending == .code(0))
      for file in files(fleet.log(process)) {
        #expect(try Data(contentsOf: URL(filePath: file)).count <= 20000 + 16384)
      }
    }
  }

  @Test func rotationOnRequestAndAfterARestart() async throws {
    try await LaunchFixture.with { fleet in
      let process = try await fleet.shell(
        "echo before; printf half; trap 'echo done; exit' TERM; while :; do sleep 0.01; done")
      #expect(await eventually { fleet.lines(process).last == "half" })
      try process.rotateLog()
      try process.terminate()
      _ = try await fleet.end(of: process)
      #expect(fleet.text("logs/\(process.id).log.1") == "before\nhalfdone\n")
      #expect(fleet.text("logs/\(process.id).log") == "")
      let again = try await fleet.launch(fleet.request(["printf", "x"], id: process.id, nonce: "n2"))
      _ = try await fleet.end(of: again)
      let third = try await fleet.launch(fleet.request(["echo", "y"], id: process.id, nonce: "n3"))
      _ = try await fleet.end(of: third)
      #expect(fleet.text("logs/\(process.id).log") == "x\ny\n")
    }
  }

  @Test func rotationByAge() async throws {
    try await LaunchFixture.with { fleet in
      let id = "kernel-aging", old = fleet.directory + "/logs/kernel-aging.log.1"
      let script = "while [ ! -e \(old) ]; do echo tick; sleep 0.01; done; echo last"
      let process = try await fleet.launch(
        fleet.request(["sh", "-c", script], id: id, rotation: LogRotation(size: 0, keep: 2, age: 1)))
      #expect(try await fleet.end(of: process)?.ending == .code(0))
      #expect(fleet.text("logs/\(id).log.1")?.hasPrefix("tick\ntick\n") == true)
      #expect(fleet.text("logs/\(id).log")?.hasSuffix("tick\nlast\n") == true)
    }
  }

  @Test func tailReadsBackThroughRotatedFiles() async throws {
    try await LaunchFixture.with { fleet in
      let path = fleet.directory + "/logs/a.log"
      #expect(try LogTail.last(5, of: path) == LogTail.Tail(lines: [], position: nil))
      try Data("1\n2\n".utf8).write(to: URL(filePath: path + ".2"))
      try Data("3\n\n5\n".utf8).write(to: URL(filePath: path + ".1"))
      try Data("6\n7".utf8).write(to: URL(filePath: path))
      #expect(try LogTail.last(1, of: path).lines == ["7"])
      #expect(try LogTail.last(2, of: path).lines == ["6", "7"])
      #expect(try LogTail.last(4, of: path).lines == ["", "5", "6", "7"].suffix(4))
      #expect(try LogTail.last(6, of: path).lines == ["2", "3", "", "5", "6", "7"])
      #expect(try LogTail.last(100, of: path).lines == ["1", "2", "3", "", "5", "6", "7"])
      #expect(try LogTail.last(0, of: path).lines == [])
    }
  }

  @Test func tailOfALargeLog() async throws {
    try await LaunchFixture.with { fleet in
      let path = fleet.directory + "/logs/a.log"
      let lines = expected(50000)
      try Data(lines.map { $0 + "\n" }.joined().utf8).write(to: URL(filePath: path))
      for count in [1, 10, 5000, 50000] {
        #expect(try LogTail.last(count, of: path).lines == lines.suffix(count))
      }
    }
  }
}
