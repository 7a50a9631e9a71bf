// Kernels that end although nobody asked, and kernels that hang.

import FleetEngine
import Foundation
import JSON
import Testing

@testable import FleetCore

@Suite struct HostCrashTests {
  /// Shorter delays than people want; the rule is the same.
  private func hurry(_ setup: inout FleetHost.Setup) { setup.engine.backoff.first = .milliseconds(20) }

  private func story(_ kernel: JSON) -> [String] { kernel["events"]?.array?.compactMap { $0["event"]?.string } ?? [] }

  @Test func aKilledKernelIsStartedAgainUntilItIsGivenUp() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start(hurry)
      let kernel = try await host.spawn(fleet.request(["language": "python", "env_vars": ["KEY": "kept"]]))
      var pid = try #require(kernel.pid)
      for crash in 1...5 {
        kill(pid, SIGKILL)
        if crash == 5 { break }
        let again = try await fleet.wait(host, kernel.id, for: .idle) { $0.pid != pid && $0.pid != nil }
        #expect(again["restarts"] == JSON(crash) && again["port"] == kernel["port"])
        pid = try #require(again.pid)
      }
      let dead = try await fleet.wait(host, kernel.id, for: .failed)
      #expect(dead["exit"]?["signal"] == 9 && dead["exit"]?["reason"] == "killed by SIGKILL" && dead["pid"] == .null)
      #expect(dead["health"] == ["state": "DEAD", "reason": "given up; the last end: killed by SIGKILL"])
      let story = story(dead)
      #expect(story.count { $0 == "died" } == 5 && story.count { $0 == "restarted" } == 4)
      #expect(story.first == "spawned" && story.last == "failed")
      #expect(await host.counts() == (total: 1, active: 0, dead: 1))
      // It can be had again, with what its client had sent.
      let revived = try await host.restart(kernel.id)
      #expect(try await fleet.execute(revived, "import os; print(os.environ['KEY'])") == "kept")
    }
  }

  @Test func theEndOfAKernelIsSeenAtOnce() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start { $0.engine.backoff.first = .seconds(30) }
      let kernel = try await host.spawn(fleet.request())
      let killed = ContinuousClock.now
      kill(try #require(kernel.pid), SIGKILL)
      _ = try await fleet.wait(host, kernel.id, for: .backoff)
      // Far from the heartbeat's three misses, however busy the machine is; how fast it is says Benchmarks/.
      #expect(ContinuousClock.now - killed < .seconds(5))
    }
  }

  @Test func aCleanExitIsNoCrash() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start(hurry)
      let kernel = try await host.spawn(fleet.request(["language": "python", "name": "quits"]))
      _ = try? await fleet.execute(kernel, "import os; os._exit(0)", within: .milliseconds(500))
      let dead = try await fleet.wait(host, kernel.id, for: .exited)
      #expect(dead["exit"]?["code"] == 0 && dead["restarts"] == 0)
      // What has ended is removed by `cleanup`, with all of its files.
      let files = try KernelFileName.all(in: fleet.directory.path)
      #expect(files.contains("\(kernel.id).exit") && files.contains("\(kernel.id).log"))
      let removed = try await host.cleanup()["removed"]?.array ?? []
      #expect(removed.map(\.id) == [kernel.id])
      let named = removed.first?["files"]?.array?.compactMap { $0.string?.split(separator: "/").last.map(String.init) }
      #expect(named?.sorted() == files.sorted())
      #expect(try KernelFileName.all(in: fleet.directory.path).isEmpty)
    }
  }

  @Test func aShimThatIsKilledTakesAllOfItsKernelAlong() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start { $0.engine.backoff.first = .seconds(30) }
      let kernel = try await host.spawn(fleet.request())
      let code = """
        import subprocess; print(subprocess.Popen(['sleep', '1000'], start_new_session=True, stdout=subprocess.DEVNULL).pid)
        """
      let child = try #require(Int32(try await fleet.execute(kernel, code)))
      let shown = try await host.kernel(kernel.id)
      kill(try #require(shown["shim_pid"]?.int.map(Int32.init)), SIGKILL)
      let dead = try await fleet.wait(host, kernel.id, for: .backoff)
      #expect(dead["exit"]?["code"] == .null && dead["exit"]?["signal"] == .null)
      #expect(dead["exit"]?["reason"]?.string?.contains("left no record") == true)
      #expect(!isAlive(child), "the kernel's child outlived it")
    }
  }

  @Test func aStoppedKernelIsUnhealthyAndComesBack() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start()
      let kernel = try await host.spawn(fleet.request())
      let pid = try #require(kernel.pid)
      kill(pid, SIGSTOP)
      let hung = try await fleet.wait(host, kernel.id, for: .unhealthy)
      #expect(hung["health"]?["state"] == "UNHEALTHY")
      kill(pid, SIGCONT)
      _ = try await fleet.wait(host, kernel.id, for: .idle)
      kill(pid, SIGSTOP)
      _ = try await fleet.wait(host, kernel.id, for: .unhealthy)
      _ = try await host.stop(kernel.id, force: false, timeout: .seconds(1))
      #expect(!isAlive(pid))
    }
  }

  @Test func aBusyKernelIsNotTakenForAHungOne() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start()
      let kernel = try await host.spawn(fleet.request())
      async let done = fleet.execute(
        kernel, "import time; t = time.time() + 2\nwhile time.time() < t: pass\nprint('done')")
      _ = try await fleet.wait(host, kernel.id, for: .busy)
      #expect(try await done == "done")
      let after = try await fleet.wait(host, kernel.id, for: .idle)
      #expect(!story(after).contains("unhealthy"))
    }
  }
}
