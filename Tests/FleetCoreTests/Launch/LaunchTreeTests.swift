// Whatever a kernel started ends with it, however it tried to get away, by every means that this machine has.

import Foundation
import Testing

@testable import FleetCore

@Suite(.serialized) struct LaunchTreeTests {
  /// By what the shim reaches processes that it did not start itself.
  enum Means: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case subreaper, freezer, unified

    var testDescription: String { rawValue }

    var roots: CgroupRoots {
      switch self {
      case .subreaper: CgroupRoots()
      case .freezer: CgroupRoots(freezer: Self.machine.freezer)
      case .unified: CgroupRoots(unified: Self.machine.unified)
      }
    }

    private static let machine = CgroupRoots.prepare()

    /// Those of this machine; the others are named once, so that nobody takes them for tried.
    static let here: [Means] = allCases.filter { means in
      let isHere = means == .subreaper || means.roots != CgroupRoots()
      if !isHere { print("LaunchTreeTests: not tried, this machine has no \(means.rawValue) groups to write") }
      return isHere
    }
  }

  /// Starts children that left in every way, each of which writes its pid, and then waits.
  private static let tree = """
    import os, signal, sys, time
    directory = sys.argv[1]
    def child(name, *acts):
        if os.fork(): return
        for act in acts: act()
        with open(directory + "/" + name, "w") as file: file.write("%d\\n" % os.getpid())
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        while True: time.sleep(1000)
    def again():
        if os.fork(): os._exit(0)
    child("plain")
    child("group", os.setpgrp)
    child("session", os.setsid)
    child("daemon", os.setsid, again)
    child("twice", os.setsid, again, os.setpgrp, again)
    child("stopped")
    while not os.path.exists(directory + "/stopped") or os.path.getsize(directory + "/stopped") == 0: time.sleep(0.01)
    os.kill(int(open(directory + "/stopped").read()), signal.SIGSTOP)
    print("grown", flush=True)
    while True: time.sleep(1000)
    """

  private static let names = ["plain", "group", "session", "daemon", "twice", "stopped"]

  /// A kernel with all of its children alive, and their pids.
  private func grow(_ fleet: LaunchFixture, _ means: Means) async throws -> (LaunchedProcess, [Int32]) {
    let process = try await fleet.launch(
      fleet.request(["python3", "-c", Self.tree, fleet.directory]), means.roots)
    #expect(await fleet.wait(for: "grown", of: process))
    var pids: [Int32] = []
    for name in Self.names { pids.append(try await fleet.number(in: name)) }
    #expect(pids.allSatisfy(isAlive))
    return (process, pids)
  }

  @Test(arguments: Means.here) func aKillReachesAllOfThem(_ means: Means) async throws {
    try await LaunchFixture.with { fleet in
      let (process, pids) = try await grow(fleet, means)
      try process.kill()
      let record = try #require(try await fleet.end(of: process))
      #expect(record.ending == .signal(SIGKILL) && record.leftAlive == 0)
      #expect(!pids.contains(where: isAlive))
      #expect(!process.cgroups.contains { FileManager.default.fileExists(atPath: $0) })
    }
  }

  @Test(arguments: Means.here) func aKernelThatEndsTakesThemAlong(_ means: Means) async throws {
    try await LaunchFixture.with { fleet in
      let (process, pids) = try await grow(fleet, means)
      kill(process.kernel, SIGKILL)
      let record = try #require(try await fleet.end(of: process))
      #expect(record.ending == .signal(SIGKILL) && record.asked == nil && record.leftAlive == 0)
      #expect(!pids.contains(where: isAlive))
    }
  }

  /// The kernel dies with its shim at once; what it had started is found by its group, or by its nonce.
  @Test(arguments: Means.here) func aKilledShimTakesAllOfThemAlong(_ means: Means) async throws {
    try await LaunchFixture.with { fleet in
      let (process, pids) = try await grow(fleet, means)
      try process.shim.send(SIGKILL)
      #expect(try await fleet.end(of: process) == nil)
      #expect(await eventually { !isAlive(process.kernel) })
      try KernelRemains(id: process.id, nonce: process.nonce, directory: fleet.directory).clear()
      #expect(!pids.contains(where: isAlive))
      #expect(!process.cgroups.contains { FileManager.default.fileExists(atPath: $0) })
    }
  }

  /// A shim that somebody stopped does not answer: the host does its work.
  @Test(arguments: Means.here) func aStoppedShimIsHelped(_ means: Means) async throws {
    try await LaunchFixture.with { fleet in
      let (process, pids) = try await grow(fleet, means)
      try process.shim.send(SIGSTOP)
      #expect(await eventually { ProcessStat(pid: process.shim.pid)?.isStopped ?? false })
      #expect(try await process.killSurely(within: .seconds(5), fleet.events))
      #expect(!pids.contains(where: isAlive))
    }
  }
}
