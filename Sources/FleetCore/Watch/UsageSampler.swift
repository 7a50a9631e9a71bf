// What kernels use: memory, processor time and threads of all of them in one round, for all who want to know.
import FleetEngine
import Synchronization

/// What was read of one kernel's process, or of its groups.
public struct UsageReading: Sendable {
  public var usage: ProcessUsage
  /// Per cent of one core since the reading before; nil for the first.
  public var cpu: Double?
  public var pid: Int32

  var sample: Sample { Sample(memory: usage.residentBytes, cpu: cpu, threads: usage.threads) }
}

/// Keeps the files of each process open between rounds, and the last reading, because a share of time needs two.
public final class UsageSampler: Sendable {
  private struct Reading {
    var meter: ProcessMeter
    var shim: Int32
    var at: ContinuousClock.Instant
    /// Microseconds of processor time, at `at`.
    var cpu: Int64
    var percent: Double?
  }

  private let readings = Mutex<[Int32: Reading]>([:])
  private let budget: DescriptorBudget
  /// The share of a shorter time says little: the share before is given again.
  private static let shortestInterval: Duration = .milliseconds(200)

  public init(_ budget: DescriptorBudget) { self.budget = budget }

  /// Samples these processes, and forgets all others. Those that have ended are left out.
  public func round(_ processes: [(KernelID, Process)]) -> [KernelID: UsageReading] {
    readings.withLock { readings in
      let before = readings
      readings = Dictionary(minimumCapacity: processes.count)
      return sample(processes, before, &readings)
    }
  }

  /// Closes what was kept of a process that has ended.
  func forget(_ pid: Int32) { readings.withLock { $0[pid] = nil } }

  /// Samples these processes too.
  func add(_ processes: [(KernelID, Process)]) -> [KernelID: UsageReading] {
    readings.withLock { sample(processes, $0, &$0) }
  }

  private func sample(
    _ processes: [(KernelID, Process)], _ before: [Int32: Reading], _ after: inout [Int32: Reading]
  ) -> [KernelID: UsageReading] {
    var found: [KernelID: UsageReading] = Dictionary(minimumCapacity: processes.count)
    for (id, process) in processes {
      let known = before[process.kernel].flatMap { $0.shim == process.shim ? $0 : nil }
      // The pid may have been given to another kernel: the files are those of the process before.
      guard let (reading, usage) = read(process, known) ?? (known == nil ? nil : read(process, nil)) else { continue }
      after[process.kernel] = reading
      found[id] = UsageReading(usage: usage, cpu: reading.percent, pid: process.kernel)
    }
    return found
  }

  private func read(_ process: Process, _ last: Reading?) -> (Reading, ProcessUsage)? {
    guard
      let meter = last?.meter ?? ProcessMeter(pid: process.kernel, parent: process.shim, budget: budget),
      let usage = meter.sample()
    else { return nil }
    let now = ContinuousClock.now
    let cpu = usage.cpuMicroseconds
    guard var reading = last else {
      return (Reading(meter: meter, shim: process.shim, at: now, cpu: cpu), usage)
    }
    let passed = now - reading.at
    guard passed >= Self.shortestInterval else { return (reading, usage) }
    reading.percent = Double(cpu - reading.cpu) / 1e6 / passed.seconds * 100
    reading.at = now
    reading.cpu = cpu
    return (reading, usage)
  }
}

/// The same for control groups, of those kernels that have any.
final class GroupSampler: Sendable {
  private let meters = Mutex<[String: GroupMeter?]>([:])
  private let budget: DescriptorBudget

  init(_ budget: DescriptorBudget) { self.budget = budget }

  /// Closes what was kept of a launch that has ended.
  func forget(nonce: String) { meters.withLock { _ = $0.removeValue(forKey: nonce) } }

  /// - Parameter groups: of each launch, by its nonce; a launch has the same groups until it ends.
  func round(_ groups: [(KernelID, nonce: String, paths: [String])]) -> [KernelID: GroupUsage] {
    meters.withLock { meters in
      let before = meters
      meters = Dictionary(minimumCapacity: groups.count)
      var found: [KernelID: GroupUsage] = [:]
      for (id, nonce, paths) in groups {
        let meter = before[nonce] ?? GroupMeter(paths, budget)
        // Also that there is none: its absence is not looked up again.
        meters[nonce] = .some(meter)
        found[id] = meter?.sample()
      }
      return found
    }
  }
}
