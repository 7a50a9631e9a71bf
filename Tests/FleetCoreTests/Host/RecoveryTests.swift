// What a host that starts makes of rows, files and shims: real shims, with kernels that only sleep.

import FleetConfiguration
import FleetEngine
import Foundation
import JSON
import Logging
import Testing

@testable import FleetCore

@Suite struct RecoveryTests {
  /// A directory as a host leaves it behind.
  private struct Scene {
    let fleet: LaunchFixture
    let files: KernelFiles
    let log = CollectedLog()

    init(_ fleet: LaunchFixture) {
      self.fleet = fleet
      files = KernelFiles(directory: FleetDirectory(path: fleet.directory), bootID: Recovery.bootID())
    }

    func kernel(_ n: Int, _ status: Status = .idle, name: String? = nil) -> Kernel {
      var kernel = Kernel.bare(n)
      // Others of these tests run at the same time, and a nonce is looked for in the whole system.
      kernel = Kernel(
        id: .random(), serial: n, specification: kernel.specification, key: kernel.key, port: kernel.port)
      kernel.specification.name = name
      kernel.status = status
      kernel.wasReady = status != .starting
      return kernel
    }

    func request(_ kernel: Kernel, _ script: String) -> LaunchRequest {
      var request = fleet.request(["sh", "-c", script], id: kernel.id.description)
      request.nonce = kernel.nonce
      request.environment["FLEET_NONCE"] = kernel.nonce
      return request
    }

    func launch(_ kernel: Kernel, _ script: String = "sleep 1000") async throws -> LaunchedProcess {
      try files.writeConnectionFile(kernel)
      return try await fleet.launch(request(kernel, script))
    }

    func recover(
      _ kernels: [Kernel], unreadable: [String] = [], setAside: String? = nil, bootID: String? = nil
    ) async -> Recovery.Outcome {
      let stored = kernels.map {
        KernelDocument.Stored(kernel: $0, backoff: nil, bootID: bootID ?? files.bootID, startedAt: 1)
      }
      let recovery = Recovery(files: files, log: Logger(label: "") { _ in log })
      let content = RegistryDatabase.Content(kernels: stored, unreadable: unreadable)
      return await BlockingQueue("test").run { recovery.compare(content, setAside: setAside) }
    }
  }

  private func with(_ body: (Scene) async throws -> Void) async throws {
    try await LaunchFixture.with { try await body(Scene($0)) }
  }

  @Test func aLiveKernelIsAdopted() async throws {
    try await with { scene in
      let kernel = scene.kernel(1)
      let process = try await scene.launch(kernel)
      let outcome = await scene.recover([kernel])
      #expect(outcome.rows.map(\.kernel) == [kernel])
      #expect(outcome.rows[0].isRunning(process, startedAt: 1))
      #expect(outcome.processes[kernel.id]?.kernel == process.kernel)
      #expect(outcome.strays.isEmpty)
    }
  }

  @Test func theEndOfAKernelIsReadFromItsFile() async throws {
    try await with { scene in
      let kernel = scene.kernel(1)
      let process = try await scene.launch(kernel, "echo 'the end'; exit 7")
      _ = try await scene.fleet.end(of: process)
      let outcome = await scene.recover([kernel])
      guard case .ended(let info) = outcome.rows[0].fate else {
        Issue.record("\(outcome.rows[0].fate)")
        return
      }
      #expect(info.code == 7 && info.detail == "the end" && !info.isLost)
    }
  }

  @Test func whatNeverStartedIsAbsent() async throws {
    try await with { scene in
      let outcome = await scene.recover([scene.kernel(1, .starting), scene.kernel(2)])
      #expect(outcome.rows.allSatisfy(\.isAbsent) && outcome.rows.count == 2)
    }
  }

  @Test func remainsOfAKilledShimAreCleared() async throws {
    try await with { scene in
      let kernel = scene.kernel(1)
      let process = try await scene.launch(
        kernel, "setsid sh -c 'echo $$ > \(scene.fleet.directory)/a; exec sleep 1000' & sleep 1000")
      let escaped = try await scene.fleet.number(in: "a")
      try process.shim.send(SIGKILL)
      _ = try await scene.fleet.end(of: process)
      #expect(await scene.recover([kernel]).rows[0].isAbsent)
      #expect(!isAlive(escaped))
    }
  }

  @Test func anotherBootIsTold() async throws {
    try await with { scene in
      let outcome = await scene.recover([scene.kernel(1)], bootID: "another")
      #expect(outcome.rows[0].isOtherBoot && outcome.rows[0].isAbsent)
    }
  }

  // MARK: Launches under way when the host was killed

  /// A process that becomes a shim only after a while, as one that was not scheduled yet.
  private func lateShim(_ scene: Scene, _ kernel: Kernel, after gate: String) throws -> pid_t {
    let arguments = scene.request(kernel, "sleep 1000").shimArguments(shim: LaunchFixture.shim, roots: CgroupRoots())
    let script = """
      import os, sys, time
      while not os.path.exists(sys.argv[1]): time.sleep(0.01)
      os.execv(sys.argv[2], sys.argv[2:])
      """
    let words = ["python3", "-c", script, gate] + arguments
    var argv: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { argv.forEach { free($0) } }
    var pid: pid_t = 0
    // Not by Foundation: it makes its children leaders of groups, which a shim refuses to be.
    try #require(posix_spawnp(&pid, "python3", nil, nil, &argv, environ) == 0)
    return pid
  }

  @Test func aShimThatHasNotTakenItsLockIsWaitedFor() async throws {
    try await with { scene in
      let kernel = scene.kernel(1, .starting)
      try scene.files.writeConnectionFile(kernel)
      let gate = scene.fleet.directory + "/gate"
      let shim = try lateShim(scene, kernel, after: gate)
      let young = YoungShims(directory: scene.fleet.directory)
      #expect(await eventually { young.find()[kernel.nonce] == shim })
      async let outcome = scene.recover([kernel])
      try scene.fleet.touch(gate)
      let found = await outcome
      #expect(found.processes.count == 1 && !found.rows[0].isAbsent, "a kernel without a row is about to start")
      kill(shim, SIGUSR1)
      waitpid(shim, nil, 0)
    }
  }

  @Test func aShimThatNeverTakesItsLockIsUnknown() async throws {
    try await with { scene in
      let kernel = scene.kernel(1, .starting)
      let shim = try lateShim(scene, kernel, after: scene.fleet.directory + "/never")
      let young = YoungShims(directory: scene.fleet.directory)
      #expect(await eventually { young.find()[kernel.nonce] == shim })
      let outcome = await scene.recover([kernel])
      #expect(outcome.rows[0].unknown == "its shim (pid \(shim)) has not started it within 2 s")
      kill(shim, SIGKILL)
      waitpid(shim, nil, 0)
    }
  }

  // MARK: Registries that know too little

  @Test func liveKernelsOfALostRegistryAreAdoptedAsTheyAre() async throws {
    try await with { scene in
      let kernel = scene.kernel(3, .starting, name: "alice")
      let process = try await scene.launch(kernel)
      let outcome = await scene.recover([])
      #expect(outcome.strays.isEmpty)
      let row = try #require(outcome.rows.first)
      #expect(row.isRunning(process, startedAt: nil))
      // Busy until it answers: it may be computing, and must not be ended for that.
      #expect(row.kernel.status == .busy && row.kernel.wasReady)
      #expect(row.kernel.id == kernel.id && row.kernel.key == kernel.key && row.kernel.port == kernel.port)
      #expect(row.kernel.specification.name == "alice" && row.kernel.serial == 3)
      #expect(scene.log.lines.contains { $0.contains("\(kernel.id): lives without a row; adopted") })
    }
  }

  @Test func aLaterLaunchThanTheRegistryKnowsIsAdopted() async throws {
    try await with { scene in
      let row = scene.kernel(1)
      var later = row
      later.generation = 4
      later.port = 9_999
      let process = try await scene.launch(later)
      let outcome = await scene.recover([row])
      #expect(outcome.rows.count == 1 && outcome.rows[0].isRunning(process, startedAt: nil))
      #expect(outcome.rows[0].kernel.generation == 4 && outcome.rows[0].kernel.port == 9_999)
    }
  }

  /// A kernel keeps its key as long as it lives: a file with another one is somebody else's work.
  @Test func aLaterLaunchWithAnotherKeyIsNotBelieved() async throws {
    try await with { scene in
      let row = scene.kernel(1)
      var forged = Kernel(
        id: row.id, serial: row.serial, specification: row.specification, key: "a stranger's", port: row.port + 5)
      forged.generation = 2
      forged.status = .idle
      _ = try await scene.launch(forged)
      let outcome = await scene.recover([row])
      #expect(outcome.rows.map(\.kernel) == [row] && outcome.unsaved.isEmpty)
      guard case .unknown = outcome.rows[0].fate else {
        Issue.record("\(outcome.rows[0].fate)")
        return
      }
    }
  }

  @Test func twoKernelsNeverGetOneName() async throws {
    try await with { scene in
      let row = scene.kernel(1, name: "alice")
      let other = scene.kernel(2, name: "alice")
      _ = try await scene.launch(other)
      let names = await scene.recover([row]).rows.map(\.kernel.specification.name)
      #expect(names == ["alice", nil])
    }
  }

  @Test func deadKernelsOfALostRegistryAreNot() async throws {
    try await with { scene in
      let process = try await scene.launch(scene.kernel(1), "exit 0")
      _ = try await scene.fleet.end(of: process)
      let outcome = await scene.recover([], setAside: "fleet.db.damaged-1")
      #expect(outcome.rows.isEmpty && outcome.strays.isEmpty)
    }
  }

  @Test func whatNothingAccountsForIsEnded() async throws {
    try await with { scene in
      let kernel = scene.kernel(1)
      let process = try await scene.launch(kernel)
      for damage in ["", "{", "{\"shell_port\": 1}"] {
        try damage.write(
          toFile: scene.files.directory.connectionFile("\(kernel.id)"), atomically: true, encoding: .utf8)
        #expect(await scene.recover([]).strays.map(\.kernel) == [process.kernel])
      }
      // Another kernel's connection file is no account either.
      let other = scene.kernel(2)
      try scene.files.writeConnectionFile(other)
      rename(
        scene.files.directory.connectionFile("\(other.id)"), scene.files.directory.connectionFile("\(kernel.id)"))
      #expect(await scene.recover([]).strays.map(\.kernel) == [process.kernel])
    }
  }

  @Test func butNotWhenTheRegistryWasDamaged() async throws {
    try await with { scene in
      let kernel = scene.kernel(1)
      _ = try await scene.launch(kernel)
      unlink(scene.files.directory.connectionFile("\(kernel.id)"))
      for outcome in [
        await scene.recover([], setAside: "fleet.db.damaged-1"), await scene.recover([], unreadable: ["a row"]),
      ] {
        #expect(outcome.strays.isEmpty && outcome.rows.isEmpty)
      }
      #expect(scene.log.lines.contains { $0.contains("it is left alone") })
    }
  }

  @Test func aStrangerIsNeverTouched() async throws {
    try await with { scene in
      let row = scene.kernel(1)
      var request = scene.request(row, "sleep 1000")
      request.nonce = "another"
      let process = try await scene.fleet.launch(request)
      let outcome = await scene.recover([row])
      #expect(outcome.rows[0].unknown?.hasPrefix("its lock is held by process \(process.shim.pid)") == true)
      #expect(outcome.strays.isEmpty && isAlive(process.kernel))
    }
  }

  @Test func halfWrittenFilesGo() async throws {
    try await with { scene in
      let dead = Int32(try await scene.fleet.end(of: scene.fleet.shell("exit 0"))?.pid ?? 0)
      let stale = [
        "kernel-0000000a.env.\(dead).tmp", "kernel-0000000a.json.\(getpid()).77.tmp", "registry.json.\(dead).tmp",
      ]
      let kept = ["kernel-0000000a.json.1.77.tmp", "kernel-0000000a.json", "notes.tmp", "kernel-0000000a.env.x.tmp"]
      for name in stale + kept { try scene.fleet.touch("\(scene.fleet.directory)/\(name)") }
      _ = await scene.recover([])
      #expect(stale.allSatisfy { !scene.fleet.exists($0) })
      #expect(kept.allSatisfy(scene.fleet.exists))
    }
  }
}

extension KernelID {
  static func random() -> KernelID {
    guard let id = KernelID(uuid: UUID().uuidString) else { fatalError("a UUID is a UUID") }
    return id
  }
}

extension Recovered {
  fileprivate func isRunning(_ process: LaunchedProcess, startedAt: Int64?) -> Bool {
    guard case .running(let found) = fate else { return false }
    return found.shim == process.shim.pid && found.kernel == process.kernel
      && (startedAt.map { $0 == found.startedAt } ?? true)
  }

  fileprivate var isAbsent: Bool {
    if case .absent = fate { true } else { false }
  }

  fileprivate var unknown: String? {
    if case .unknown(let why) = fate { why } else { nil }
  }
}
