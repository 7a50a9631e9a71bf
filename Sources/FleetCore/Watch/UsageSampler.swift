// What kernels use: memory, processor time and threads of all of them in one round, for all who want to know.
import FleetEngine
import Synchronization

/// Keeps the files of each process open between rounds, and the last reading, because a share of time needs two.
final class UsageSampler: Sendable {
  private struct Reading {
    var meter: ProcessMeter
    var at: ContinuousClock.Instant
    /// Microseconds of processor time, at `at`.
    var cpu: Int64
    var percent: Double?
    var usage: ProcessUsage
  }

  private let readings = Mutex<[Int32: Reading]>([:])
  /// The share of a shorter time says little: the share before is given again.
  private static let shortestInterval: Duration = .milliseconds(200)

  /// Samples these processes, and forgets all others. Those that have ended are left out.
  func round(_ processes: [(KernelID, Int32)]) -> [KernelID: Sample] {
    readings.withLock { readings in
      let before = readings
      readings = [:]
      return Self.sample(processes, before, &readings)
    }
  }

  /// Samples these processes too.
  func add(_ processes: [(KernelID, Int32)]) -> [KernelID: Sample] {
    readings.withLock { Self.sample(processes, $0, &$0) }
  }

  /// What was read of a process last.
  func last(of pid: Int32) -> ProcessUsage? { readings.withLock { $0[pid]?.usage } }

  private static func sample(
    _ processes: [(KernelID, Int32)], _ before: [Int32: Reading], _ after: inout [Int32: Reading]
  ) -> [KernelID: Sample] {
    var samples: [KernelID: Sample] = [:]
    for (id, pid) in processes {
      // The pid was given to another process: the files are those of the process before.
      guard let (reading, usage) = read(pid, before[pid]) ?? read(pid, nil) else { continue }
      after[pid] = reading
      samples[id] = Sample(memory: usage.residentBytes, cpu: reading.percent, threads: usage.threads)
    }
    return samples
  }

  private static func read(_ pid: Int32, _ last: Reading?) -> (Reading, ProcessUsage)? {
    guard let meter = last?.meter ?? ProcessMeter(pid: pid), let usage = meter.sample() else { return nil }
    let now = ContinuousClock.now
    let cpu = usage.userMicroseconds + usage.systemMicroseconds
    guard let last else { return (Reading(meter: meter, at: now, cpu: cpu, usage: usage), usage) }
    let passed = now - last.at
    if passed < shortestInterval { return (last, usage) }
    let percent = Double(cpu - last.cpu) / 1e6 / passed.seconds * 100
    return (Reading(meter: meter, at: now, cpu: cpu, percent: percent, usage: usage), usage)
  }
}
