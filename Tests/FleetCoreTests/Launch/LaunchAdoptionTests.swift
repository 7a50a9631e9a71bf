// What another host finds of a launch: alive, ended, gone, or somebody else's.

import Foundation
import Testing

@testable import FleetCore

@Suite struct LaunchAdoptionTests {
  private func probe(_ process: LaunchedProcess) -> ShimProbe {
    ShimProbe(id: process.id, nonce: process.nonce, directory: process.directory)
  }

  @Test func aLiveKernelIsAdopted() async throws {
    try await LaunchFixture.with { fleet in
      let process = try await fleet.shell("trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done")
      #expect(await fleet.wait(for: "ready", of: process))
      guard case .running(let adopted) = try probe(process).look() else {
        Issue.record("not running")
        return
      }
      #expect(adopted.kernel == process.kernel && adopted.shim.pid == process.shim.pid)
      #expect(ProcessIdentity(adopted.shim) == ProcessIdentity(process.shim))
      try adopted.terminate()
      #expect(try await fleet.end(of: process)?.ending == .code(5))
      guard case .ended(let record) = try probe(process).look() else {
        Issue.record("not ended")
        return
      }
      #expect(record.ending == .code(5))
    }
  }

  @Test func anotherLaunchIsAStranger() async throws {
    try await LaunchFixture.with { fleet in
      let process = try await fleet.shell("sleep 1000")
      let other = ShimProbe(id: process.id, nonce: "another", directory: fleet.directory)
      guard case .stranger(let pid, let nonce) = try other.look() else {
        Issue.record("no stranger")
        return
      }
      #expect(pid == process.shim.pid && nonce == process.nonce)
    }
  }

  @Test func nothingAndTheRecordOfAnotherLaunchAreAbsent() async throws {
    try await LaunchFixture.with { fleet in
      let process = try await fleet.shell("exit 0")
      _ = try await fleet.end(of: process)
      for probe in [
        ShimProbe(id: process.id, nonce: "another", directory: fleet.directory),
        ShimProbe(id: "kernel-00000000", nonce: "n", directory: fleet.directory),
      ] {
        guard case .absent = try probe.look() else {
          Issue.record("not absent")
          continue
        }
      }
    }
  }

  @Test func aLockWhoseShimHasNotWrittenIsStarting() async throws {
    try await LaunchFixture.with { fleet in
      // A process that holds the lock as a shim does before its first line.
      let path = fleet.directory + "/kernel-starting.lock"
      let script = """
        import fcntl, sys, time
        f = open(sys.argv[1], "w"); fcntl.lockf(f, fcntl.LOCK_EX); print("locked", flush=True); time.sleep(1000)
        """
      let holder = try await fleet.launch(fleet.request(["python3", "-c", script, path]))
      try #require(await fleet.wait(for: "locked", of: holder))
      let probe = ShimProbe(id: "kernel-starting", nonce: "n", directory: fleet.directory)
      guard case .starting(let handle) = try probe.settled(within: .milliseconds(20)) else {
        Issue.record("not starting")
        return
      }
      #expect(handle.pid == holder.kernel)
    }
  }

  @Test func aShimWhoseHostDiedBeforeItsLockStartsNothing() async throws {
    try await LaunchFixture.with { fleet in
      // Nobody reads what the shim reports, as after the death of a host.
      let script = """
        import os, subprocess, sys
        reader, writer = os.pipe(); os.close(reader); os.dup2(writer, 3)
        print(subprocess.run(sys.argv[1:], close_fds=False).returncode)
        """
      let directory = fleet.directory
      let shim = [
        LaunchFixture.shim, "--dir", directory, "--id", "late", "--nonce", "n", "--log", directory + "/late.log", "--",
        "touch", directory + "/started",
      ]
      let starter = try await fleet.launch(fleet.request(["python3", "-c", script] + shim))
      #expect(try await fleet.end(of: starter)?.ending == .code(0))
      #expect(fleet.lines(starter) == ["125"])
      #expect(!fleet.exists("started") && !fleet.exists("late.pid") && !fleet.exists("late.exit"))
    }
  }

  @Test func aKilledShimTakesItsKernelAlong() async throws {
    try await LaunchFixture.with { fleet in
      let process = try await fleet.shell("setsid sh -c 'echo $$ > \(fleet.directory)/a; exec sleep 1000' & sleep 1000")
      let escaped = try await fleet.number(in: "a")
      try process.shim.send(SIGKILL)
      #expect(try await fleet.end(of: process) == nil)
      #expect(await eventually { !isAlive(process.kernel) })
      guard case .absent = try probe(process).look() else {
        Issue.record("not absent")
        return
      }
      // What the kernel had started is nobody's child now; it is found by its nonce.
      #expect(isAlive(escaped))
      let remains = KernelRemains(id: process.id, nonce: process.nonce, directory: fleet.directory)
      #expect(try remains.clear() >= 1)
      #expect(!isAlive(escaped))
      #expect(try remains.clear() == 0)
    }
  }

  @Test func remainsOfALiveLaunchAreLeftAlone() async throws {
    try await LaunchFixture.with { fleet in
      let process = try await fleet.shell("sleep 1000")
      #expect(try KernelRemains(id: process.id, nonce: process.nonce, directory: fleet.directory).clear() == 0)
      #expect(isAlive(process.kernel))
    }
  }

  @Test func aStoppedShimIsWokenToKill() async throws {
    try await LaunchFixture.with { fleet in
      let process = try await fleet.shell("sleep 1000")
      try process.shim.send(SIGSTOP)
      #expect(await eventually { ProcessStat(pid: process.shim.pid)?.isStopped ?? false })
      try process.kill()
      #expect(try await fleet.end(of: process)?.ending == .signal(SIGKILL))
    }
  }

  @Test func theHostKillsWithoutTheShim() async throws {
    try await LaunchFixture.with { fleet in
      let process = try await fleet.shell("setsid sh -c 'echo $$ > \(fleet.directory)/a; exec sleep 1000' & sleep 1000")
      let escaped = try await fleet.number(in: "a")
      try process.shim.send(SIGSTOP)
      #expect(await eventually { ProcessStat(pid: process.shim.pid)?.isStopped ?? false })
      #expect(ProcessTree.killBelow(process.shim))
      #expect(!isAlive(process.kernel) && !isAlive(escaped))
      #expect(ProcessStat(pid: process.shim.pid)?.isStopped == true)
      #expect(try await process.killSurely(fleet.events))
      #expect(try await fleet.end(of: process)?.ending == .signal(SIGKILL))
    }
  }

  @Test func aNewLaunchOfTheSameKernelForgetsTheOldRecord() async throws {
    try await LaunchFixture.with { fleet in
      let first = try await fleet.shell("exit 1")
      _ = try await fleet.end(of: first)
      let second = try await fleet.launch(fleet.request(["sleep", "1000"], id: first.id, nonce: "n2"))
      #expect(!fleet.exists("\(first.id).exit"))
      try second.kill()
      #expect(try await fleet.end(of: second)?.nonce == second.nonce)
    }
  }
}
