// How kernels end, and that it is written down exactly.

import Foundation
import Testing

@testable import FleetCore

@Suite struct LaunchExitTests {
  @Test func codeAndOutputAreKept() async throws {
    try await LaunchFixture.with { fleet in
      let process = try await fleet.shell("echo out; echo err >&2; exit 7")
      let record = try #require(try await fleet.end(of: process))
      #expect(record.ending == .code(7))
      #expect(record.pid == process.kernel)
      #expect(record.nonce == process.nonce)
      #expect(record.asked == nil && !record.isOutOfMemory && record.leftAlive == 0)
      #expect(record.ended.hasSuffix("Z") && record.ended.hasPrefix("20"))
      let ended = try Date(record.ended, strategy: .iso8601)
      #expect(abs(ended.timeIntervalSinceNow) < 60)
      #expect(fleet.lines(process) == ["out", "err"])
      #expect(!fleet.exists("\(process.id).pid"))
      #expect(!fleet.exists("\(process.id).exit.new"))
    }
  }

  @Test func theSignalThatEndedIt() async throws {
    try await LaunchFixture.with { fleet in
      let record = try await fleet.end(of: fleet.shell("kill -SEGV $$"))
      #expect(record?.ending == .signal(SIGSEGV))
    }
  }

  @Test func pidFileAndLockSayWhoRuns() async throws {
    try await LaunchFixture.with { fleet in
      let process = try await fleet.shell("sleep 1000")
      #expect(fleet.text("\(process.id).pid") == "\(process.kernel)\n")
      let lock = try #require(try LockFile("\(fleet.directory)/\(process.id).lock"))
      #expect(try lock.holder() == process.shim.pid)
      let record = try #require(try lock.record())
      #expect(record.kernel == process.kernel && record.shim == process.shim.pid && record.nonce == process.nonce)
    }
  }

  @Test func terminateReachesTheKernelEvenIfItIsStopped() async throws {
    try await LaunchFixture.with { fleet in
      let process = try await fleet.shell("trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done")
      #expect(await fleet.wait(for: "ready", of: process))
      kill(process.kernel, SIGSTOP)
      #expect(await eventually { ProcessStat(pid: process.kernel)?.isStopped ?? false })
      try process.terminate()
      let record = try await fleet.end(of: process)
      #expect(record?.ending == .code(3))
      #expect(record?.asked == "term")
    }
  }

  @Test func interruptReachesTheCommandThatTheKernelWaitsFor() async throws {
    try await LaunchFixture.with { fleet in
      let process = try await fleet.shell("trap 'echo interrupted' INT; echo ready; sleep 1000; exit 4")
      #expect(await fleet.wait(for: "ready", of: process))
      // The sleep must run before it can be interrupted: its shell's copy of a shell ignores it.
      #expect(
        await eventually {
          ProcessTree.below(process.kernel).contains { SmallFile.text("/proc/\($0.pid)/comm") == "sleep\n" }
        })
      try process.interrupt()
      #expect(try await fleet.end(of: process)?.ending == .code(4))
      #expect(fleet.lines(process).contains("interrupted"))
    }
  }

  @Test func anInterruptIsPendingUntilTheShimTakesIt() async throws {
    try await LaunchFixture.with { fleet in
      let process = try await fleet.shell("trap 'echo interrupted' INT; echo ready; while :; do sleep 0.01; done")
      #expect(await fleet.wait(for: "ready", of: process))
      kill(process.shim.pid, SIGSTOP)
      #expect(await eventually { ProcessStat(pid: process.shim.pid)?.isStopped ?? false })
      #expect(!process.isInterruptPending)
      kill(process.shim.pid, SIGINT)
      #expect(process.isInterruptPending)
      kill(process.shim.pid, SIGCONT)
      #expect(await eventually { !process.isInterruptPending })
      #expect(await fleet.wait(for: "interrupted", of: process))
    }
  }

  @Test func killEndsWhatLeftItsSession() async throws {
    try await LaunchFixture.with { fleet in
      let process = try await fleet.shell(
        "(setsid sh -c 'echo $$ > \(fleet.directory)/a; exec sleep 1000' &) ; sleep 1000 & echo $! > \(fleet.directory)/b; wait"
      )
      let pids = [try await fleet.number(in: "a"), try await fleet.number(in: "b"), process.kernel]
      #expect(pids.allSatisfy(isAlive))
      try process.kill()
      let record = try await fleet.end(of: process)
      #expect(record?.ending == .signal(SIGKILL) && record?.asked == "kill")
      #expect(!pids.contains(where: isAlive))
    }
  }

  @Test func whatAKernelLeavesBehindEndsWithIt() async throws {
    try await LaunchFixture.with { fleet in
      let process = try await fleet.shell(
        "setsid sh -c 'echo $$ > \(fleet.directory)/a; exec sleep 1000' & while [ ! -s \(fleet.directory)/a ]; do sleep 0.01; done"
      )
      let left = try await fleet.number(in: "a")
      #expect(try await fleet.end(of: process)?.ending == .code(0))
      #expect(!isAlive(left))
    }
  }

  @Test func outputOfTheLastMomentIsKept() async throws {
    try await LaunchFixture.with { fleet in
      let process = try await fleet.shell(
        "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done; exec kill -9 $$")
      #expect(try await fleet.end(of: process)?.ending == .signal(SIGKILL))
      #expect(fleet.lines(process) == (0..<2000).map { "line \($0)" })
    }
  }
}
