// Files of a kernel that somebody replaced: by a link, a pipe, a directory, or by nonsense. Nothing is written through them,
// nobody waits for them, and what cannot be believed is not.

import FleetEngine
import Foundation
import Testing

@testable import FleetCore

@Suite(.serialized) struct LaunchTamperTests {
  /// What may stand where a file should.
  enum Trap: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case link, linkToNothing, pipe, directory

    var testDescription: String { rawValue }

    /// - Parameter victim: what a link leads to.
    func put(at path: String, victim: String) throws {
      unlink(path)
      let result =
        switch self {
        case .link: symlink(victim, path)
        case .linkToNothing: symlink(victim + ".none", path)
        case .pipe: mkfifo(path, 0o600)
        case .directory: mkdir(path, 0o700)
        }
      try #require(result == 0, "\(String(cString: strerror(errno)))")
    }
  }

  private struct Scene {
    let fleet: LaunchFixture
    let id = "kernel-tampered"
    let victim: String

    init(_ fleet: LaunchFixture) throws {
      self.fleet = fleet
      victim = fleet.directory + "/victim"
      try "precious".write(toFile: victim, atomically: false, encoding: .utf8)
    }

    func path(_ suffix: String) -> String { "\(fleet.directory)/\(id)\(suffix)" }

    /// Neither changed nor made.
    func expectUntouched(_ where: String) {
      #expect(fleet.text("victim") == "precious", "\(`where`)")
      #expect(!fleet.exists("victim.none"), "\(`where`)")
    }
  }

  private func with(_ body: (Scene) async throws -> Void) async throws {
    try await LaunchFixture.with { try await body(Scene($0)) }
  }

  @Test(arguments: Trap.allCases) func aReplacedLockIsNotTaken(_ trap: Trap) async throws {
    try await with { scene in
      try trap.put(at: scene.path(".lock"), victim: scene.victim)
      let error = await #expect(throws: LaunchError.self) {
        try await scene.fleet.launch(scene.fleet.request(["true"], id: scene.id))
      }
      #expect(error?.step == .lock && error?.description.contains(".lock") == true, "\(error as Any)")
      scene.expectUntouched("lock")
      // Nor does a host that looks for the kernel wait, or follow it.
      #expect(throws: SystemError.self) {
        try ShimProbe(id: scene.id, nonce: "n", directory: scene.fleet.directory).look()
      }
    }
  }

  @Test(arguments: Trap.allCases) func aReplacedLogIsNotWritten(_ trap: Trap) async throws {
    try await with { scene in
      let request = scene.fleet.request(["echo", "x"], id: scene.id)
      try trap.put(at: request.logFile, victim: scene.victim)
      let error = await #expect(throws: LaunchError.self) { try await scene.fleet.launch(request) }
      #expect(error?.step == .log, "\(error as Any)")
      scene.expectUntouched("log")
      #expect(throws: SystemError.self) { try LogTail.last(10, of: request.logFile) }
    }
  }

  @Test func aReplacedDirectoryOfLogsIsNotEntered() async throws {
    try await with { scene in
      let elsewhere = scene.fleet.directory + "/elsewhere"
      try #require(mkdir(elsewhere, 0o700) == 0 && rmdir(scene.fleet.directory + "/logs") == 0)
      try #require(symlink(elsewhere, scene.fleet.directory + "/logs") == 0)
      let error = await #expect(throws: LaunchError.self) {
        try await scene.fleet.launch(scene.fleet.request(["echo", "x"], id: scene.id))
      }
      #expect(error?.step == .log)
      #expect(SmallFile.names(in: elsewhere).isEmpty)
    }
  }

  /// Those that the shim makes anew: whatever has their names is removed or makes the start fail, and is never followed.
  @Test(arguments: Trap.allCases, [".exit", ".exit.new", ".pid", ".pid.new"])
  func aReplacedRecordIsNotWrittenThrough(_ trap: Trap, _ suffix: String) async throws {
    try await with { scene in
      try trap.put(at: scene.path(suffix), victim: scene.victim)
      do {
        let process = try await scene.fleet.launch(scene.fleet.request(["sh", "-c", "exit 3"], id: scene.id))
        let record = try await scene.fleet.end(of: process)
        #expect(record?.ending == .code(3) || trap == .directory && suffix == ".exit" && record == nil)
      } catch let error as LaunchError {
        #expect(trap == .directory && error.step == .files, "\(error)")
      }
      scene.expectUntouched(suffix)
    }
  }

  @Test(arguments: Trap.allCases) func aReplacedExitFileIsNoRecord(_ trap: Trap) async throws {
    try await with { scene in
      let forged = "{\"nonce\":\"n\",\"pid\":1,\"code\":0}"
      try forged.write(toFile: scene.victim, atomically: false, encoding: .utf8)
      try trap.put(at: scene.path(".exit"), victim: scene.victim)
      #expect(try ExitRecord.read(id: scene.id, nonce: "n", directory: scene.fleet.directory) == nil)
    }
  }

  @Test(arguments: [
    "", "{", "[]", "null", "{}", "{\"nonce\":\"n\"}", "{\"nonce\":1,\"pid\":1,\"code\":0}",
    "{\"nonce\":\"n\",\"pid\":1}", "{\"nonce\":\"n\",\"pid\":\"1\",\"code\":0}",
    "{\"nonce\":\"m\",\"pid\":1,\"code\":0}",
    "{\"nonce\":\"n\",\"pid\":1,\"code\":0", "\u{0}\u{0}\u{0}", String(repeating: "[", count: 60_000),
    String(repeating: " ", count: 200_000) + "{\"nonce\":\"n\",\"pid\":1,\"code\":0}",
  ]) func nonsenseIsNoExitRecord(_ text: String) async throws {
    try await with { scene in
      try text.write(toFile: scene.path(".exit"), atomically: false, encoding: .utf8)
      #expect(try ExitRecord.read(id: scene.id, nonce: "n", directory: scene.fleet.directory) == nil)
    }
  }

  /// Numbers that no shim writes are cut to what a process can have, and do not stop the host.
  @Test func oddNumbersInAnExitRecordDoNoHarm() async throws {
    try await with { scene in
      let text = """
        {"nonce":"n","pid":99999999999999,"code":-9223372036854775808,"oom":"yes","limit":"moon","oom_kills":-1,
         "left_alive":9223372036854775807,"log_lost":1e300,"max_rss_kb":null,"ended":"yesterday"}
        """
      try text.write(toFile: scene.path(".exit"), atomically: false, encoding: .utf8)
      let record = try #require(
        try ExitRecord.read(id: scene.id, nonce: "n", directory: scene.fleet.directory))
      #expect(!record.isOutOfMemory)
      #expect(ExitInfo(record).endedAt == nil && ExitInfo(record).limit == nil)
    }
  }

  @Test(arguments: [
    "", "{", "{}", "{\"shim\":1}", "{\"shim\":-5,\"kernel\":1,\"nonce\":\"n\"}",
    String(repeating: "{\"a\":", count: 4000),
    String(repeating: "x", count: 1 << 20),
  ]) func nonsenseInALockIsNoKernel(_ text: String) async throws {
    try await with { scene in
      try text.write(toFile: scene.path(".lock"), atomically: false, encoding: .utf8)
      guard case .absent = try ShimProbe(id: scene.id, nonce: "n", directory: scene.fleet.directory).look() else {
        Issue.record("something was found")
        return
      }
      #expect(try KernelRemains(id: scene.id, nonce: "n", directory: scene.fleet.directory).clear() == 0)
    }
  }

  /// A lock that names groups and processes of others: only what bears the launch's own name and nonce is ended.
  @Test func aForgedLockEndsNobodyElse() async throws {
    try await with { scene in
      let other = try await scene.fleet.launch(
        scene.fleet.request(["sleep", "1000"], nonce: "other"), CgroupRoots.prepare())
      let groups = other.cgroups + ["/", scene.fleet.directory, "/sys/fs/cgroup", "../.."]
      let list = groups.map { "\"\($0)\"" }.joined(separator: ",")
      let text = """
        {"shim":\(other.shim.pid),"kernel":\(other.kernel),"nonce":"n","limits":{},"cgroups":[\(list)]}
        """
      try text.write(toFile: scene.path(".lock"), atomically: false, encoding: .utf8)
      #expect(try KernelRemains(id: scene.id, nonce: "n", directory: scene.fleet.directory).clear() == 0)
      #expect(isAlive(other.kernel) && isAlive(other.shim.pid))
      #expect(other.cgroups.allSatisfy { FileManager.default.fileExists(atPath: $0) })
    }
  }

  @Test func aDirectoryThatWasReplacedIsNotWritten() async throws {
    try await with { scene in
      var request = scene.fleet.request(["true"], id: scene.id)
      request.directoryIdentity = try DirectoryIdentity(of: scene.fleet.directory)
      let process = try await scene.fleet.launch(request)
      _ = try await scene.fleet.end(of: process)
      request.directoryIdentity = try DirectoryIdentity(of: "/tmp")
      let again = request
      let error = await #expect(throws: LaunchError.self) { try await scene.fleet.launch(again) }
      #expect(error?.step == .directory && error?.description.contains("another directory than it was") == true)
    }
  }

  /// As ids come from the host, the shim trusts none all the same.
  @Test(arguments: [
    "", ".", "..", "../x", "a/b", "/etc/x", ".hidden", "a b", "a\nb", "a\u{1B}[31m", "-x", "ä", "a\u{202E}b", "a%00b",
    String(repeating: "a", count: 65),
  ]) func nastyIdsAreRefused(_ id: String) async throws {
    try await with { scene in
      let request = LaunchRequest(
        id: id, nonce: "n", directory: scene.fleet.directory, arguments: ["true"], environment: [:],
        logFile: scene.fleet.directory + "/logs/x.log")
      let isDash = id == "-x"
      do {
        let process = try await scene.fleet.launch(request)
        _ = try await scene.fleet.end(of: process)
        #expect(isDash, "\(id) was taken")
      } catch let error as LaunchError {
        #expect(error.step == .arguments, "\(error)")
      }
      let outside = (scene.fleet.directory as NSString).deletingLastPathComponent
      #expect(!FileManager.default.fileExists(atPath: outside + "/x.lock"))
    }
  }
}
