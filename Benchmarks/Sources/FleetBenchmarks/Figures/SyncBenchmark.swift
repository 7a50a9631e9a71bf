// How often a host waits for its disk.
import Dispatch
import FleetClient
import Foundation
import Synchronization

enum SyncBenchmark: Benchmark {
  static let name = "syncs"
  static let summary = "fsync, fdatasync and the like in the host's process, counted by a preloaded library"

  static func run(_ setting: Setting, _ report: inout Report) throws {
    let directory = try TemporaryDirectory.make("syncs")
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let environment = ["LD_PRELOAD": try library(), "SYNC_COUNTER_DIRECTORY": directory]
    try BenchFleet.with(setting.executables, environment: environment) { fleet in
      let counter = SyncCounter(file: "\(directory)/\(fleet.host)")
      let rounds = setting.rounds(20)
      var spawns: [UInt64] = []
      var stops: [UInt64] = []
      for _ in 0..<rounds {
        var kernel: BenchFleet.Kernel?
        spawns.append(try counter.count { kernel = try fleet.spawn() })
        if let kernel { stops.append(try counter.count { try fleet.stop(kernel) }) }
      }
      let bursts = try (0..<max(1, rounds / 4)).map { _ in
        let count = try counter.count { try spawnAtOnce(10, fleet) }
        _ = try fleet.client.stopAll()
        return count
      }
      show("a spawn", spawns, atMost: 2, &report)
      show("a stop", stops, atMost: 1, &report)
      show("ten concurrent spawns", bursts, atMost: 6, &report)
    }
  }

  private static func show(_ what: String, _ counts: [UInt64], atMost aim: Double, _ report: inout Report) {
    report.line("\(what): " + counts.map(String.init).joined(separator: " "))
    report.add(Figure("syncs of \(what), at most", Double(counts.max() ?? 0), atMost: aim) { "\(Int($0))" })
  }

  /// By threads, which a busy machine starts closer together than processes.
  private static func spawnAtOnce(_ count: Int, _ fleet: BenchFleet) throws {
    let failure = Mutex<(any Error)?>(nil)
    let spawning = DispatchGroup()
    let socket = fleet.socket
    for _ in 0..<count {
      spawning.enter()
      Thread.detachNewThread {
        defer { spawning.leave() }
        do {
          _ = try FleetClient(socketPath: socket).spawn(["language": "lua"])
        } catch {
          failure.withLock { $0 = error }
        }
      }
    }
    spawning.wait()
    if let failure = failure.withLock({ $0 }) { throw failure }
  }

  /// Built beside this executable.
  private static func library() throws -> String {
    let here = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let path = URL(fileURLWithPath: here).deletingLastPathComponent().path + "/libSyncCounter.so"
    guard access(path, R_OK) == 0 else { throw Failure("there is no \(path)") }
    return path
  }
}

/// The file into which a process counts.
private struct SyncCounter {
  let file: String

  /// How many there were while the body ran and until there are no more.
  func count(_ body: () throws -> Void) throws -> UInt64 {
    let before = try settled()
    try body()
    return try settled() - before
  }

  /// What is not waited for comes a little later: it is over when nothing has come for 300 ms.
  private func settled() throws -> UInt64 {
    var last = try read()
    var since = ContinuousClock.now
    while ContinuousClock.now - since < .milliseconds(300) {
      usleep(5000)
      let now = try read()
      if now != last { (last, since) = (now, .now) }
    }
    return last
  }

  private func read() throws -> UInt64 {
    guard let data = FileManager.default.contents(atPath: file), data.count == 8 else {
      throw Failure("\(file) has no count: the host does not load the counter")
    }
    return data.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
  }
}
