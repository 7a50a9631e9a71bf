// Limits that hold, with whatever this machine has: control groups where they can be written, else rlimits.

import Foundation
import Testing

@testable import FleetCore

@Suite struct LaunchLimitTests {
  private static let roots = CgroupRoots.prepare()
  private static let hasMemory = roots.memory != nil || controllers.contains("memory")
  private static let hasCPU = roots.cpu != nil || controllers.contains("cpu")
  private static let hasProcesses = roots.pids != nil || controllers.contains("pids")

  private static var controllers: String {
    roots.unified.flatMap { SmallFile.text($0 + "/cgroup.subtree_control") } ?? ""
  }

  private static let hog = """
    kept = []
    while True: kept.append(bytearray(1 << 20))
    """

  @Test(.enabled(if: hasMemory)) func memoryKillsOnlyTheOneThatHasTooMuch() async throws {
    try await LaunchFixture.with { fleet in
      let other = try await fleet.launch(
        fleet.request(["sleep", "1000"], limits: LaunchLimits(memory: 64 << 20)), Self.roots)
      let hog = try await fleet.launch(
        fleet.request(["python3", "-c", Self.hog], limits: LaunchLimits(memory: 64 << 20)), Self.roots)
      #expect(hog.limits["memory"]?.hasPrefix("cgroup") == true)
      let record = try #require(try await fleet.end(of: hog))
      #expect(record.ending == .signal(SIGKILL))
      #expect(record.isOutOfMemory && record.limit == "memory" && record.memoryKills >= 1)
      #expect(record.maximumResidentKilobytes < 80 << 10)
      #expect(isAlive(other.kernel))
      #expect(!hog.cgroups.isEmpty && !hog.cgroups.contains { FileManager.default.fileExists(atPath: $0) })
    }
  }

  @Test(.enabled(if: hasMemory)) func aKillThatWasAskedForIsNotOutOfMemory() async throws {
    try await LaunchFixture.with { fleet in
      let request = fleet.request(["sleep", "1000"], limits: LaunchLimits(memory: 64 << 20))
      let process = try await fleet.launch(request, Self.roots)
      try process.kill()
      let record = try await fleet.end(of: process)
      #expect(record?.isOutOfMemory == false && record?.limit == nil)
    }
  }

  @Test(.enabled(if: hasProcesses)) func aForkBombIsHeldAndEnded() async throws {
    try await LaunchFixture.with { fleet in
      let bomb = """
        import os, time
        while True:
            try: os.fork()
            except OSError: time.sleep(0.001)
        """
      let request = fleet.request(["python3", "-c", bomb], limits: LaunchLimits(processes: 60))
      let process = try await fleet.launch(request, Self.roots)
      #expect(await eventually { ProcessTree.below(process.shim.pid).count == 60 })
      #expect(try await process.killSurely(within: .seconds(5), fleet.events))
      let record = try await fleet.end(of: process)
      #expect(record?.leftAlive == 0 && (record?.refusedForks ?? 0) > 0)
      #expect(!process.cgroups.contains { FileManager.default.fileExists(atPath: $0) })
    }
  }

  @Test func aForkBombIsEndedWithoutControlGroups() async throws {
    try await LaunchFixture.with { fleet in
      // It stops by itself at some size, for without control groups nothing holds root.
      let script = """
        import os, time
        for _ in range(6):
            if os.fork() == 0: os.setsid()
        print("lit", flush=True); time.sleep(1000)
        """
      let process = try await fleet.launch(fleet.request(["python3", "-c", script]))
      #expect(await eventually { ProcessTree.below(process.shim.pid).count == 64 })
      try process.kill()
      #expect(try await fleet.end(of: process)?.ending == .signal(SIGKILL))
      let mark = "FLEET_NONCE=\(process.nonce)"
      let left = ProcessTree.all().filter { SmallFile.text("/proc/\($0.pid)/environ")?.contains(mark) ?? false }
      #expect(left.filter(\.isAlive).isEmpty)
    }
  }

  @Test(.enabled(if: hasCPU)) func cpuShareIsSetBeforeTheFirstInstruction() async throws {
    try await LaunchFixture.with { fleet in
      let request = fleet.request(["cat", "/proc/self/cgroup"], limits: LaunchLimits(cpu: 0.25))
      let process = try await fleet.launch(request, Self.roots)
      #expect(process.limits["cpu"]?.hasPrefix("cgroup") == true)
      #expect(try await fleet.end(of: process)?.ending == .code(0))
      #expect(fleet.lines(process).contains { $0.hasSuffix("/fleet-\(process.id)-\(process.nonce)") })
    }
  }

  @Test(.enabled(if: roots.unified != nil)) func everyKernelRunsInAGroupOfItsOwn() async throws {
    try await LaunchFixture.with { fleet in
      let process = try await fleet.launch(fleet.request(["cat", "/proc/self/cgroup"]), Self.roots)
      #expect(try await fleet.end(of: process)?.ending == .code(0))
      let unified = fleet.lines(process).filter { $0.hasPrefix("0::") }
      #expect(unified.count == 1)
      #expect(unified.allSatisfy { $0.hasSuffix("/fleet-\(process.id)-\(process.nonce)") })
      #expect(!process.cgroups.isEmpty && !process.cgroups.contains { FileManager.default.fileExists(atPath: $0) })
    }
  }

  @Test func withoutControlGroupsMemoryIsAnRlimit() async throws {
    try await LaunchFixture.with { fleet in
      let process = try await fleet.launch(
        fleet.request(["python3", "-c", Self.hog], limits: LaunchLimits(memory: 128 << 20)))
      #expect(process.limits == ["memory": "rlimit"])
      #expect(try await fleet.end(of: process)?.ending == .code(1))
      #expect(fleet.lines(process).contains { $0.hasPrefix("MemoryError") })
    }
  }

  @Test func whatCannotBeEnforcedIsAnErrorUnlessBestEffort() async throws {
    try await LaunchFixture.with { fleet in
      do {
        _ = try await fleet.launch(fleet.request(["true"], limits: LaunchLimits(cpu: 0.5)))
        Issue.record("a CPU share without control groups")
      } catch let error as LaunchError {
        #expect(error.step == .limits)
        #expect(error.description.contains("cpu") && error.description.contains("--best-effort"))
      }
      let process = try await fleet.launch(
        fleet.request(["true"], limits: LaunchLimits(cpu: 0.5), isBestEffort: true))
      #expect(process.limits == ["cpu": "not enforced"])
      #expect(try await fleet.end(of: process)?.ending == .code(0))
    }
  }

  @Test func openFilesAndNiceness() async throws {
    try await LaunchFixture.with { fleet in
      let process = try await fleet.launch(
        fleet.request(["sh", "-c", "ulimit -n; nice"], limits: LaunchLimits(openFiles: 77, nice: 7)))
      #expect(process.limits == ["open_files": "rlimit", "nice": "nice"])
      #expect(try await fleet.end(of: process)?.ending == .code(0))
      #expect(fleet.lines(process) == ["77", "7"])
    }
  }

  @Test func aFileTooLargeIsNamedAsTheReason() async throws {
    try await LaunchFixture.with { fleet in
      let process = try await fleet.launch(
        fleet.request(
          ["sh", "-c", "exec head -c 100000 /dev/zero > \(fleet.directory)/big"], limits: LaunchLimits(fileSize: 4096)))
      let record = try await fleet.end(of: process)
      #expect(record?.ending == .signal(SIGXFSZ) && record?.limit == "file_size")
    }
  }

  @Test(.enabled(if: roots.unified != nil)) func aKilledShimLeavesNoGroup() async throws {
    try await LaunchFixture.with { fleet in
      let request = fleet.request(["sh", "-c", "unset FLEET_NONCE; setsid env -i sleep 1000 & sleep 1000"])
      let process = try await fleet.launch(request, Self.roots)
      #expect(await eventually { ProcessTree.below(process.kernel).count == 2 })
      let below = ProcessTree.below(process.kernel).map(\.pid)
      try process.shim.send(SIGKILL)
      _ = try await fleet.end(of: process)
      #expect(try KernelRemains(id: process.id, nonce: process.nonce, directory: fleet.directory).clear() > 0)
      #expect(!below.contains(where: isAlive))
      #expect(!process.cgroups.contains { FileManager.default.fileExists(atPath: $0) })
    }
  }
}
