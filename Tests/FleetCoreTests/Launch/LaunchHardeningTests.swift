// What a hardened kernel cannot do, tried by a program that does it.

import CFleetSystem
import Foundation
import Testing

@testable import FleetCore

@Suite(.serialized) struct LaunchHardeningTests {
  /// What this machine offers; found out as `fleet doctor` does.
  private static let offered: Set<String> = {
    guard let trial = try? MachineTrial(shim: LaunchFixture.shim, in: elsewhere) else { return [] }
    for (name, why) in trial.reasons { print("LaunchHardeningTests: \(name) is not tried here: \(why)") }
    return Set(trial.hardening.filter { $0.value != "not enforced" }.keys)
  }()

  /// A directory that a private /tmp does not hide.
  private static let elsewhere: String = {
    var path = #filePath
    for _ in 0..<4 { path = (path as NSString).deletingLastPathComponent }
    return path + "/.build"
  }()

  /// Says what works: one line for each try.
  private static let tries = """
    import os, signal, sys, ctypes
    def attempt(name, act):
        try: act(); print(name, "works", flush=True)
        except OSError as error: print(name, os.strerror(error.errno), flush=True)
    own, fleet, victim = sys.argv[1], sys.argv[2], int(sys.argv[3])
    libc = ctypes.CDLL(None, use_errno=True)
    def call(*arguments):
        if libc.syscall(*arguments) < 0: raise OSError(ctypes.get_errno(), "")
    attempt("own", lambda: open(own + "/mine", "w").write("x"))
    attempt("here", lambda: open("mine too", "w").write("x"))
    attempt("null", lambda: open("/dev/null", "w").write("x"))
    attempt("read", lambda: open(fleet + "/other.json").read())
    attempt("write", lambda: open(fleet + "/other.json", "w"))
    attempt("append", lambda: open(fleet + "/other.json", "a"))
    attempt("truncate", lambda: os.truncate(fleet + "/other.json", 0))
    attempt("create", lambda: open(fleet + "/new", "w"))
    attempt("remove", lambda: os.unlink(fleet + "/other.json"))
    attempt("rename", lambda: os.rename(fleet + "/other.json", own + "/stolen"))
    attempt("link", lambda: os.symlink("/etc", fleet + "/link"))
    attempt("signal", lambda: os.kill(victim, 0))
    attempt("ptrace", lambda: call(101, 16, victim, 0, 0))
    attempt("mount", lambda: call(165, b"x", b"/mnt", b"tmpfs", 0, 0))
    attempt("chroot", lambda: os.chroot("/"))
    attempt("unshare", lambda: call(272, 0x10000000))
    attempt("device", lambda: os.mknod("device", 0o20600, os.makedev(1, 3)))
    attempt("fork", lambda: os.waitpid(os.fork() or os._exit(0), 0))
    attempt("thread", lambda: __import__("threading").Thread(target=print).start())
    attempt("run", lambda: os.close(os.open("/bin/true", os.O_RDONLY)))
    """

  /// What became of each try under a hardening; a process beside it is the victim.
  private func outcomes(_ hardening: LaunchHardening, _ fleet: LaunchFixture) async throws -> [String: String] {
    let own = fleet.directory + "/own"
    try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: false)
    try "secret".write(toFile: fleet.directory + "/other.json", atomically: true, encoding: .utf8)
    chmod(fleet.directory + "/other.json", 0o600)
    let victim = try await fleet.shell("sleep 1000")
    var hardening = hardening
    hardening.writable = [own]
    if let user = hardening.user { chown(own, user.id, user.id) }
    let process = try await fleet.launch(
      fleet.request(
        ["python3", "-c", Self.tries, own, fleet.directory, "\(victim.kernel)"], hardening: hardening,
        workingDirectory: own))
    let record = try await fleet.end(of: process)
    #expect(record?.ending == .code(0), "\(fleet.lines(process))")
    #expect(isAlive(victim.kernel))
    return Dictionary(
      fleet.lines(process).filter { $0.contains(" ") }.map { line in
        let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
        return (parts[0], parts[1])
      }, uniquingKeysWith: { first, _ in first })
  }

  private static let denied = "Permission denied"
  private static let forbidden = "Operation not permitted"

  @Test(.enabled(if: offered.contains("landlock"), "this machine has no Landlock"))
  func underLandlockOnlyItsOwnFilesCanBeWritten() async throws {
    try await LaunchFixture.with { fleet in
      let outcomes = try await outcomes(LaunchHardening(landlock: true), fleet)
      for name in ["own", "here", "null", "read", "fork", "thread", "run"] {
        #expect(outcomes[name] == "works", "\(name)")
      }
      for name in ["write", "append", "truncate", "create", "remove", "link"] {
        #expect(outcomes[name] == Self.denied, "\(name): \(outcomes[name] ?? "")")
      }
      for name in ["rename", "device"] { #expect(outcomes[name] != "works", "\(name)") }
      #expect(fleet.text("other.json") == "secret")
    }
  }

  /// Since ABI 6; an older system binds files only, which the document says.
  @Test(.enabled(if: offered.contains("landlock") && fleet_landlock_abi() >= 6, "Landlock here is older than ABI 6"))
  func underLandlockOnlyItsOwnProcessesCanBeSignalled() async throws {
    try await LaunchFixture.with { fleet in
      let outcomes = try await outcomes(LaunchHardening(landlock: true), fleet)
      #expect(outcomes["signal"] == Self.forbidden && outcomes["ptrace"] == Self.forbidden)
    }
  }

  @Test(.enabled(if: offered.contains("uid_range"), "this user cannot become another one"))
  func aUserOfItsOwnHasNothingToDoWithOthers() async throws {
    try await LaunchFixture.with { fleet in
      let user = LaunchHardening.User(id: 1_234_567, fleetGroup: 1_200_000)
      chown(fleet.directory, .max, user.fleetGroup)
      chmod(fleet.directory, 0o710)
      let outcomes = try await outcomes(LaunchHardening(user: user), fleet)
      for name in ["own", "here", "null", "fork", "thread", "run"] { #expect(outcomes[name] == "works", "\(name)") }
      for name in ["read", "write", "append", "truncate", "create", "remove", "rename", "link"] {
        #expect(outcomes[name] == Self.denied, "\(name): \(outcomes[name] ?? "")")
      }
      for name in ["signal", "ptrace", "mount", "chroot", "device"] {
        #expect(outcomes[name] == Self.forbidden, "\(name): \(outcomes[name] ?? "")")
      }
    }
  }

  /// Another host with the same range, or what a kernel left behind.
  @Test(.enabled(if: offered.contains("uid_range"), "this user cannot become another one"))
  func aUserThatHasProcessesIsNotGivenAgain() async throws {
    try await LaunchFixture.with { fleet in
      let user = LaunchHardening.User(id: 1_234_569, fleetGroup: 1_200_000)
      func request() -> LaunchRequest {
        fleet.request(
          ["sleep", "1000"], hardening: LaunchHardening(user: user), workingDirectory: "/", isBestEffort: true)
      }
      let first = try await fleet.launch(request())
      let error = await #expect(throws: LaunchError.self) { try await fleet.launch(request()) }
      #expect(error?.description.contains("user 1234569 has processes already") == true, "\(String(describing: error))")
      try first.kill()
      _ = try await fleet.end(of: first)
      _ = try await fleet.launch(request())
    }
  }

  /// Its credentials changed after it was bound to its shim.
  @Test(.enabled(if: offered.contains("uid_range"), "this user cannot become another one"))
  func aUserOfItsOwnEndsWithItsShim() async throws {
    try await LaunchFixture.with { fleet in
      let user = LaunchHardening.User(id: 1_234_567, fleetGroup: 1_200_000)
      let process = try await fleet.launch(
        fleet.request(["sleep", "1000"], hardening: LaunchHardening(user: user), workingDirectory: "/"))
      #expect(process.hardening == ["uid_range": "user id"])
      try process.shim.send(SIGKILL)
      #expect(await eventually { !isAlive(process.kernel) })
    }
  }

  @Test(.enabled(if: offered.contains("uid_range"), "this user cannot become another one"))
  func withoutControlGroupsProcessesOfAnotherUserAreBoundByAnRlimit() async throws {
    try await LaunchFixture.with { fleet in
      let user = LaunchHardening.User(id: 1_234_568, fleetGroup: 1_200_000)
      let script =
        "import os, signal\nn = 1\ntry:\n  while os.fork(): n += 1\nexcept OSError: print(n, flush=True)\nsignal.pause()"
      let process = try await fleet.launch(
        fleet.request(
          ["python3", "-c", script], limits: LaunchLimits(processes: 5), hardening: LaunchHardening(user: user),
          workingDirectory: "/"))
      #expect(process.limits == ["processes": "rlimit"])
      #expect(await fleet.wait(for: "5", of: process))
    }
  }

  @Test(.enabled(if: offered.contains("seccomp"), "this machine has no filters for system calls"))
  func theFilterForbidsWhatNoKernelNeeds() async throws {
    try await LaunchFixture.with { fleet in
      let outcomes = try await outcomes(LaunchHardening(seccomp: true), fleet)
      for name in ["own", "write", "fork", "thread", "run", "signal"] { #expect(outcomes[name] == "works", "\(name)") }
      for name in ["mount", "chroot", "unshare", "ptrace"] { #expect(outcomes[name] == Self.forbidden, "\(name)") }
    }
  }

  @Test func withoutHardeningNothingIsForbidden() async throws {
    try await LaunchFixture.with { fleet in
      let outcomes = try await outcomes(LaunchHardening(), fleet)
      for name in ["own", "here", "read", "write", "append", "create", "signal"] {
        #expect(outcomes[name] == "works", "\(name)")
      }
    }
  }

  @Test(.enabled(if: offered.contains("private_tmp"), "no namespace of mounts may be made here"))
  func aPrivateTmpIsSeenByNobodyElse() async throws {
    let place = Self.elsewhere + "/hardening-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: place) }
    let name = "fleet-private-\(UUID().uuidString.prefix(8))"
    let common = "/tmp/\(name).common"
    try Data().write(to: URL(filePath: common))
    defer { try? FileManager.default.removeItem(atPath: common) }
    try await LaunchFixture.with { fleet in
      // Nor by looking around the mount.
      let hidden = "[ ! -e \(common) ] && [ ! -e /proc/$PPID/root\(common) ]"
      let script = "echo x > /tmp/\(name) && \(hidden) && [ -e /tmp/\(name) ] && echo alone; sleep 1000"
      var request = fleet.request(["sh", "-c", script], hardening: LaunchHardening(privateTmp: true))
      request.directory = place
      request.logFile = place + "/kernel.log"
      let process = try await fleet.launch(request)
      #expect(process.hardening == ["private_tmp": "mount namespace"])
      #expect(await eventually { (try? String(contentsOfFile: request.logFile, encoding: .utf8)) == "alone\n" })
      #expect(access("/tmp/\(name)", F_OK) != 0)
      // It still ends with its shim, though its credentials may have changed.
      try process.shim.send(SIGKILL)
      #expect(await eventually { !isAlive(process.kernel) })
    }
  }

  @Test func aPrivateTmpThatWouldHideTheFleetDirectoryIsRefused() async throws {
    try await LaunchFixture.with { fleet in
      try #require(fleet.directory.hasPrefix("/tmp/"), "TMPDIR is elsewhere")
      let error = await #expect(throws: LaunchError.self) {
        try await fleet.launch(fleet.request(["true"], hardening: LaunchHardening(privateTmp: true)))
      }
      #expect(error?.step == .hardening && error?.description.contains("the fleet directory lies in") == true)
      let process = try await fleet.launch(
        fleet.request(["true"], hardening: LaunchHardening(privateTmp: true), isBestEffort: true))
      #expect(process.hardening == ["private_tmp": "not enforced"])
      #expect(try await fleet.end(of: process)?.ending == .code(0))
      // Whoever adopts it knows the same.
      let lock = try #require(try LockFile("\(fleet.directory)/\(process.id).lock"))
      #expect(try lock.record()?.hardening == ["private_tmp": "not enforced"])
    }
  }

  @Test(.enabled(if: offered.contains("landlock"), "this machine has no Landlock"))
  func landlockInADirectoryThatHoldsTheFleetIsRefused() async throws {
    try await LaunchFixture.with { fleet in
      for place in [fleet.directory, (fleet.directory as NSString).deletingLastPathComponent, "/"] {
        let request = fleet.request(["true"], hardening: LaunchHardening(landlock: true), workingDirectory: place)
        let error = await #expect(throws: LaunchError.self) { try await fleet.launch(request) }
        #expect(error?.description.contains("working directory holds the fleet directory") == true, "\(place)")
      }
    }
  }
}
