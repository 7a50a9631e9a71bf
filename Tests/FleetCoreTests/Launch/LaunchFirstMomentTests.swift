// What holds when a kernel's program begins: it looks at itself first of all, many times over.

import Foundation
import Testing

@testable import FleetCore

@Suite struct LaunchFirstMomentTests {
  private static let limits = LaunchLimits(
    memory: 128 << 20, cpu: 0.5, processes: 32, openFiles: 77, fileSize: 65536, nice: 3)

  /// The process waits for its release until its limits stand, so that no launch of many is too early.
  @Test func limitsHoldBeforeTheProgramBegins() async throws {
    try await LaunchFixture.with { fleet in
      let roots = CgroupRoots.prepare()
      for round in 0..<25 {
        let request = fleet.request(
          ["cat", "/proc/self/limits", "/proc/self/cgroup", "/proc/self/stat"], nonce: "n\(round)", limits: Self.limits,
          isBestEffort: true)
        let process = try await fleet.launch(request, roots)
        #expect(try await fleet.end(of: process)?.ending == .code(0))
        let lines = fleet.lines(process)
        func limit(_ name: String) -> [Substring] {
          lines.first { $0.hasPrefix(name) }?.dropFirst(name.count).split(separator: " ") ?? []
        }
        #expect(limit("Max open files").prefix(2) == ["77", "77"])
        #expect(limit("Max file size").prefix(2) == ["65536", "65536"])
        // Behind the name in brackets: state, parent, …; the niceness is the 17th of them.
        let stat = lines.last?.split(separator: ")").last?.split(separator: " ") ?? []
        #expect(stat.count > 16 && stat[16] == "3")
        // In a group of its own wherever one holds a limit.
        let ours = "/fleet-\(process.id)-\(process.nonce)"
        for (name, means) in process.limits where means.hasPrefix("cgroup") {
          let version2 = means == "cgroup v2"
          let controller = name == "processes" ? "pids" : name
          let line = lines.first { line in
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            guard fields.count == 3 else { return false }
            return version2 ? fields[0] == "0" : fields[1].split(separator: ",").contains { $0 == controller }
          }
          #expect(line?.hasSuffix(ours) == true, "\(name) by \(means): \(line ?? "no line")")
        }
      }
    }
  }

  /// A set-uid program runs as who starts it.
  @Test func noKernelGainsRights() async throws {
    try await LaunchFixture.with { fleet in
      let process = try await fleet.launch(fleet.request(["grep", "NoNewPrivs", "/proc/self/status"]))
      #expect(try await fleet.end(of: process)?.ending == .code(0))
      #expect(fleet.lines(process) == ["NoNewPrivs:\t1"])
    }
  }

  /// A soft limit of processor time that somebody set outside of Fleet.
  @Test func processorTimeThatIsUsedUpIsNamed() async throws {
    try await LaunchFixture.with { fleet in
      let process = try await fleet.shell("ulimit -S -t 1; while :; do :; done")
      let record = try await fleet.end(of: process, within: .seconds(60))
      #expect(record?.ending == .signal(SIGXCPU) && record?.limit == "cpu_time")
    }
  }
}
