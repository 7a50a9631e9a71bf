// Memory, CPU and clients of kernels, measured when somebody looks.
import FleetEngine
import Glibc
import Synchronization

/// Keeps the last CPU reading of each process, because a share of time needs two.
final class UsageSampler: Sendable {
  struct Sample: Sendable {
    /// Resident bytes.
    var memory: Int64
    /// Per cent of one core since the sample before; since the start for the first.
    var cpu: Double?
  }

  private struct Reading {
    var at: ContinuousClock.Instant
    var cpu: Int64
    var startTicks: UInt64
    var percent: Double?
  }

  private let readings = Mutex<[Int32: Reading]>([:])
  /// The share of a shorter time says little: the share before is given again.
  private static let shortestInterval: Duration = .milliseconds(200)

  func sample(_ pid: Int32) -> Sample? {
    guard let usage = ProcessUsage(pid: pid) else {
      readings.withLock { $0[pid] = nil }
      return nil
    }
    let now = ContinuousClock.now
    let cpu = usage.userMicroseconds + usage.systemMicroseconds
    let percent = readings.withLock { readings -> Double? in
      if let last = readings[pid], last.startTicks == usage.startTicks {
        let passed = now - last.at
        if passed < Self.shortestInterval { return last.percent }
        let percent = Double(cpu - last.cpu) / 1e6 / passed.seconds * 100
        readings[pid] = Reading(at: now, cpu: cpu, startTicks: usage.startTicks, percent: percent)
        return percent
      }
      readings[pid] = Reading(at: now, cpu: cpu, startTicks: usage.startTicks, percent: nil)
      return nil
    }
    return Sample(memory: usage.residentBytes, cpu: percent)
  }

  /// Forgets the readings of processes that are gone.
  func forget(allBut pids: [Int32]) {
    let known = Set(pids)
    readings.withLock { readings in readings = readings.filter { known.contains($0.key) } }
  }

  /// Established peers of the shell ports, without the host's own sockets.
  /// - Parameter shells: shell ports and whose they are.
  func connections(_ shells: [Int: KernelID]) throws(SystemError) -> [KernelID: Int] {
    let ports = Set(shells.keys.compactMap { UInt16(exactly: $0) })
    var counts: [KernelID: Int] = [:]
    for (port, count) in try ClientCount.established(on: ports) {
      if let id = shells[Int(port)] { counts[id] = count }
    }
    return counts
  }
}
