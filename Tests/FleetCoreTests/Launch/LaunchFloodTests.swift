// A kernel that writes as quickly as it can: nothing lost, nothing torn, and no more bytes than were allowed.

import Foundation
import Testing

@testable import FleetCore

@Suite(.serialized) struct LaunchFloodTests {
  /// Numbered lines of different lengths, in blocks that end anywhere; until there are so many, or a file is there.
  private static let writer = """
    import os, sys
    lines, count = int(sys.argv[1]), 0
    while count < lines and not (sys.argv[2:] and os.path.exists(sys.argv[2])):
        block = "".join("%09d %s\\n" % (i, "x" * (i * 7 % 90)) for i in range(count, min(count + 20000, lines))).encode()
        count += 20000
        at = 0
        while at < len(block): at += os.write(1 + at % 2, block[at:at + 60000 + at % 9973])
    """

  /// Reads files, oldest first, and says the first and the last number, how many bytes there are, and what is wrong.
  private static let checker = """
    import sys
    size, first, last, problem = 0, None, None, "none"
    for name in sys.argv[1:]:
        with open(name, "rb") as file:
            for line in file:
                size += len(line)
                number = int(line[:9]) if line[:9].isdigit() else -1
                if line != b"%09d %s\\n" % (number, b"x" * (number * 7 % 90)): problem = "torn: %r" % line[:40]
                elif last is not None and number != last + 1: problem = "%d after %d" % (number, last)
                if first is None: first = number
                last = number
    print(first, last, size, problem, sep=";")
    """

  private struct Verdict {
    var first: Int
    var last: Int
    var bytes: Int
    var problem: String
  }

  /// In Python, because a debug build reads 200 MB in minutes.
  private func check(_ files: [String], _ fleet: LaunchFixture) async throws -> Verdict {
    let checker = try await fleet.launch(fleet.request(["python3", "-c", Self.checker] + files))
    #expect(try await fleet.end(of: checker, within: .seconds(120))?.ending == .code(0))
    let text = fleet.lines(checker).last ?? ""
    let parts = text.split(separator: ";", maxSplits: 3).map(String.init)
    try #require(parts.count == 4, "\(text)")
    return Verdict(
      first: Int(parts[0]) ?? -1, last: Int(parts[1]) ?? -1, bytes: Int(parts[2]) ?? -1, problem: parts[3])
  }

  /// The rotated files, oldest first.
  private func files(_ path: String) -> [String] {
    var names = [path]
    while FileManager.default.fileExists(atPath: "\(path).\(names.count)") { names.append("\(path).\(names.count)") }
    return names.reversed()
  }

  /// 3,700,000 lines are 200 MB.
  @Test func twoHundredMegabytesAreAllThere() async throws {
    try await LaunchFixture.with { fleet in
      let process = try await fleet.launch(
        fleet.request(
          ["python3", "-c", Self.writer, "3700000"], rotation: LogRotation(size: 4 << 20, keep: 1000)))
      let record = try #require(try await fleet.end(of: process, within: .seconds(120)))
      #expect(record.lostLogBytes == 0 && record.ending == .code(0))
      let files = files(fleet.log(process))
      let verdict = try await check(files, fleet)
      #expect(verdict.problem == "none" && verdict.first == 0 && verdict.last == 3_699_999)
      #expect(verdict.bytes > 190_000_000 && files.count >= verdict.bytes / (4 << 20))
    }
  }

  /// The rest waits in the kernel's own pipe, and takes nobody's time.
  @Test func aFloodIsReadAtABoundedRate() async throws {
    try await LaunchFixture.with { fleet in
      let process = try await fleet.shell("exec yes a flood", rotation: LogRotation(size: 1 << 20, keep: 1))
      func read() -> Int64 {
        let lines = (SmallFile.text("/proc/\(process.shim.pid)/io") ?? "").split(separator: "\n")
        return lines.first { $0.hasPrefix("rchar: ") }.flatMap { Int64($0.dropFirst("rchar: ".count)) } ?? -1
      }
      // A burst is free.
      #expect(await eventually(within: .seconds(60)) { read() > 36 << 20 })
      let (before, start) = (read(), ContinuousClock.now)
      #expect(await eventually { read() > before + (12 << 20) })
      let count = read() - before
      let milliseconds = (ContinuousClock.now - start).nanoseconds / 1_000_000
      #expect(count > 0 && count <= (milliseconds + 20) * (16 << 10) + (256 << 10), "\(count) in \(milliseconds) ms")
      // Signals are seen meanwhile.
      try process.terminate()
      #expect(try await fleet.end(of: process)?.ending == .signal(SIGTERM))
    }
  }

  /// Looked at all the time: never more than was allowed, whatever the moment.
  @Test func bytesAreBoundedWhileItWrites() async throws {
    try await LaunchFixture.with { fleet in
      let rotation = LogRotation(size: 256 << 10, keep: 2)
      let gate = fleet.directory + "/enough"
      let process = try await fleet.launch(
        fleet.request(["python3", "-c", Self.writer, "20000000", gate], rotation: rotation))
      // A line may begin within the size and end beyond it.
      let most = 3 * (rotation.size + 100)
      var (looks, worst) = (0, Int64(0))
      #expect(
        await eventually(within: .seconds(60)) {
          worst = max(worst, bytes(in: fleet.directory + "/logs"))
          looks += 1
          return looks >= 50 && worst > rotation.size
        })
      try fleet.touch(gate)
      let record = try await fleet.end(of: process, within: .seconds(60))
      #expect(worst <= most, "\(looks) looks, at most \(worst) bytes")
      #expect(record?.lostLogBytes == 0 && record?.ending == .code(0))
      let verdict = try await check(files(fleet.log(process)), fleet)
      #expect(verdict.problem == "none" && verdict.bytes <= most)
    }
  }

  /// Files that are moved while they are counted count once, by their inodes.
  private func bytes(in directory: String) -> Int64 {
    var sizes: [UInt64: Int64] = [:]
    for name in SmallFile.names(in: directory) {
      var info = stat()
      if stat("\(directory)/\(name)", &info) == 0 { sizes[UInt64(info.st_ino)] = Int64(info.st_size) }
    }
    return sizes.values.reduce(0, +)
  }

  @Test func whatAnEarlierRunKeptTooMuchGoes() async throws {
    try await LaunchFixture.with { fleet in
      let id = "kernel-fewer"
      for number in 1...9 { try fleet.touch("\(fleet.directory)/logs/\(id).log.\(number)") }
      let process = try await fleet.launch(
        fleet.request(["echo", "x"], id: id, rotation: LogRotation(size: 1 << 20, keep: 3)))
      _ = try await fleet.end(of: process)
      #expect(
        SmallFile.names(in: fleet.directory + "/logs").sorted() == ["", ".1", ".2", ".3"].map { id + ".log" + $0 })
    }
  }
}
