// Sampling: whose process it is, what it costs in descriptors, who shares a round.

import CFleetSystem
import FleetEngine
import Foundation
import JSON
import Testing

@testable import FleetCore

@Suite struct UsageSamplerTests {
  /// Processes of this test, killed at its end; their parent is the test.
  private final class Children {
    private(set) var pids: [Int32] = []

    func start(_ arguments: [String]) throws -> Int32 {
      var pid: pid_t = 0
      let argv = arguments.map { strdup($0) } + [nil]
      defer { argv.forEach { free($0) } }
      try #require(posix_spawnp(&pid, arguments[0], nil, nil, argv, environ) == 0)
      pids.append(pid)
      // It has its program by now, but hardly any of it in memory.
      let deadline = ContinuousClock.now + .seconds(30)
      while (ProcessUsage(pid: pid)?.residentBytes ?? 0) < 500_000 {
        try #require(ContinuousClock.now < deadline)
        usleep(1000)
      }
      return pid
    }

    func end(_ pid: Int32) {
      kill(pid, SIGKILL)
      waitpid(pid, nil, 0)
      pids.removeAll { $0 == pid }
    }

    deinit {
      for pid in pids {
        kill(pid, SIGKILL)
        waitpid(pid, nil, 0)
      }
    }
  }

  private static func id(_ n: Int) -> KernelID {
    KernelID(uuid: "0000000a-0000-4000-8000-" + String(1_000_000_000_000 + n).dropFirst(1))!
  }

  private func process(_ pid: Int32, shim: Int32 = getpid()) -> FleetEngine.Process {
    FleetEngine.Process(shim: shim, kernel: pid, startedAt: 0)
  }

  private static func openFiles(_ what: String) -> Int {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
    return names.count { (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == what }
  }

  /// What this process has open that is named after a kernel: its control groups, mostly.
  private static func openFiles(of kernel: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
    let paths = names.compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)") }
    return paths.filter { $0.contains(kernel) }
  }

  @Test(arguments: [100, 0]) func theSameIsReadWithAndWithoutKeptDescriptors(_ descriptors: Int) throws {
    let children = Children()
    let pid = try children.start(["sleep", "1000"])
    let sampler = UsageSampler(DescriptorBudget(descriptors))
    let first = try #require(sampler.round([(Self.id(1), process(pid))])[Self.id(1)])
    #expect(first.pid == pid && first.usage.threads == 1 && first.usage.residentBytes > 100_000 && first.cpu == nil)
    #expect(first.usage.hasIO)
    #expect(Self.openFiles("/proc/\(pid)/stat") == (descriptors > 0 ? 1 : 0))
    let second = try #require(sampler.round([(Self.id(1), process(pid))])[Self.id(1)])
    #expect(second.usage.startTicks == first.usage.startTicks)
    // Who is not asked for is forgotten, and what was kept for it.
    #expect(sampler.round([]).isEmpty)
    #expect(Self.openFiles("/proc/\(pid)/stat") == 0)
  }

  @Test(arguments: [100, 0]) func aProcessThatHasEndedIsNotMeasured(_ descriptors: Int) throws {
    let children = Children()
    let pid = try children.start(["sleep", "1000"])
    let sampler = UsageSampler(DescriptorBudget(descriptors))
    #expect(sampler.round([(Self.id(1), process(pid))]).count == 1)
    kill(pid, SIGKILL)
    // A zombie uses nothing.
    var info = siginfo_t()
    waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT)
    #expect(sampler.round([(Self.id(1), process(pid))]).isEmpty)
    children.end(pid)
    #expect(sampler.round([(Self.id(1), process(pid))]).isEmpty)
  }

  @Test func aStrangerWithThePidIsNotMeasured() throws {
    let children = Children()
    let pid = try children.start(["sleep", "1000"])
    let sampler = UsageSampler(DescriptorBudget(100))
    // Its parent is this test and not the shim that should have started it.
    #expect(sampler.round([(Self.id(1), process(pid, shim: 1))]).isEmpty)
    #expect(sampler.round([(Self.id(1), process(pid))]).count == 1)
    #expect(sampler.round([(Self.id(1), process(pid, shim: 1))]).isEmpty)
  }

  @Test func descriptorsAreBoundedAndGivenBack() throws {
    let children = Children()
    let pids = try (0..<10).map { _ in try children.start(["sleep", "1000"]) }
    let budget = DescriptorBudget(15)
    let sampler = UsageSampler(budget)
    let all = pids.enumerated().map { (Self.id($0.offset), process($0.element)) }
    #expect(sampler.round(all).count == 10)
    #expect(pids.map { Self.openFiles("/proc/\($0)/stat") }.reduce(0, +) == 5)
    #expect(!budget.take(1))
    _ = sampler.round([])
    #expect(budget.take(15))
  }

  @Test func processorTimeIsAShareOfTheTimeBetween() async throws {
    let children = Children()
    let busy = try children.start(["sh", "-c", "while :; do :; done"])
    let idle = try children.start(["sleep", "1000"])
    let sampler = UsageSampler(DescriptorBudget(100))
    let both = [(Self.id(1), process(busy)), (Self.id(2), process(idle))]
    _ = sampler.round(both)
    var shares: [KernelID: UsageReading] = [:]
    let found = await eventually {
      shares = sampler.round(both)
      // The machine may be busy with other things; a share of nothing would never become this much.
      return (shares[Self.id(1)]?.cpu ?? 0) > 5
    }
    #expect(found && (shares[Self.id(1)]?.cpu ?? 0) < 130)
    #expect((shares[Self.id(2)]?.cpu ?? 100) < 3)
  }

  @Test func anEndedKernelKeepsNothingOpen() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start()
      let kernel = try await host.spawn(fleet.request(["language": "python", "memory": "1G", "best_effort": true]))
      let pid = try #require(kernel.pid)
      _ = await host.measured()
      let groups = await host.groupUsage()
      #expect(Self.openFiles("/proc/\(pid)/stat") == 1)
      #expect(groups.isEmpty || !Self.openFiles(of: kernel.id).isEmpty)
      _ = try await host.stop(kernel.id, force: false, timeout: .seconds(5))
      // Nobody asks for measurements after it.
      #expect(await eventually { Self.openFiles("/proc/\(pid)/stat") == 0 && Self.openFiles(of: kernel.id).isEmpty })
    }
  }

  @Test func readersShareARound() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start()
      let kernel = try await host.spawn(fleet.request())
      let rounds = await withTaskGroup(of: Instant.self) { group in
        for _ in 0..<50 { group.addTask { await host.measured(within: .seconds(60)).at } }
        return await group.reduce(into: Set<Instant>()) { $0.insert($1) }
      }
      // One that was under way, at most, and one for all.
      #expect(rounds.count <= 2)
      let later = await host.measured(within: .zero)
      #expect(!rounds.contains(later.at) && later.measurements.count == 1)
      let metrics = await host.metrics()
      let found = try #require(metrics.kernels.first)
      #expect(found.id == kernel.id && (found.memory ?? 0) > 1e6 && found.usage?.nice == 0)
      #expect(metrics.host.usage?.threads ?? 0 > 1 && metrics.host.openFilesLimit ?? 0 > 0)
    }
  }

  @Test func whatGroupsCountIsReadWhereThereAreAny() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start()
      let kernel = try await host.spawn(
        fleet.request(["language": "python", "memory_limit": "300M", "processes": 50, "best_effort": true]))
      let groups = await host.processes.groups
      let metrics = await host.metrics()
      let found = try #require(metrics.kernels.first)
      #expect(found.memoryLimit == 300 << 20)
      let lock = try JSON(parsing: Data(contentsOf: URL(filePath: fleet.directory.lockFile(kernel.id))))
      let enforced = lock["limits"]?["memory"]?.string ?? ""
      if enforced.hasPrefix("cgroup") {
        let group = try #require(found.group)
        #expect(groups.count == 1 && group.memoryLimit == 300 << 20 && (group.memory ?? 0) > 1 << 20)
        #expect(await host.groupUsage()[KernelID(uuid: kernel["uuid"]?.string ?? "")!]?.memoryLimit == 300 << 20)
      } else {
        #expect(found.group?.memory == nil, "enforced by \(enforced)")
      }
    }
  }
}
