// logs -f: what is written while it looks on, through rotations.
import Foundation
import Glibc
import JSON
import Testing

struct LogFollowTests {
  @Test func followsThroughARotation() throws {
    let folder = TestFiles.directory()
    defer { TestFiles.remove(folder) }
    let log = folder + "/x.log"
    try "one\ntwo\nthree\n".write(toFile: log, atomically: false, encoding: .utf8)
    let host = FakeHost { request in
      var kernel = Kernels.alice
      kernel["log_file"] = .string(log)
      return (200, ["kernel": kernel])
    }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: FleetProcess.executable)
    process.arguments = ["logs", "alice", "-f", "-n", "2"]
    process.environment = ["HOME": folder, "FLEET_HOME": host.directory]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    defer {
      process.terminate()
      process.waitUntilExit()
    }
    let reader = pipe.fileHandleForReading.fileDescriptor
    #expect(Self.read(reader, until: "three\n") == "two\nthree\n")
    try Self.append("four\n", to: log)
    #expect(Self.read(reader, until: "four\n") == "four\n")
    // As the shim rotates: the old file gets another name, a new one takes its place.
    try Self.append("last\n", to: log)
    rename(log, log + ".1")
    try Self.append("new\n", to: log)
    #expect(Self.read(reader, until: "new\n") == "last\nnew\n")
  }

  private static func append(_ text: String, to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT, 0o600)
    try #require(descriptor >= 0)
    _ = text.withCString { write(descriptor, $0, text.utf8.count) }
    close(descriptor)
  }

  /// What has come when `end` has; gives up after ten seconds.
  private static func read(_ descriptor: Int32, until end: String) -> String {
    var text = ""
    var chunk = [UInt8](repeating: 0, count: 4096)
    while !text.hasSuffix(end) {
      var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&entry, 1, 10_000) > 0 else { return text + "…" }
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      guard count > 0 else { return text + "…" }
      text += String(decoding: chunk[..<count], as: UTF8.self)
    }
    return text
  }
}
