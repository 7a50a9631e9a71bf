// What a kernel's control groups count: everything that it started is in it, where /proc tells of one process only.
import CFleetSystem
import Glibc

/// One reading of a kernel's control groups; nil for what they do not count.
public struct GroupUsage: Sendable, Hashable {
  /// Bytes that are charged to the group, its files in the cache included.
  public var memory: Int64?
  public var memoryLimit: Int64?
  public var processes: Int64?
  public var processLimit: Int64?
  /// Periods in which it was allowed to run, in which it was stopped because its share was used up, and how long.
  public var periods: Int64?
  public var throttledPeriods: Int64?
  public var throttledMicroseconds: Int64?
}

/// Reads the groups of one kernel again and again: one group of version 2, or one for each controller of version 1.
final class GroupMeter: Sendable {
  private enum Field { case memory, processes, version1Time, version2Time }

  private let files: KeptFiles
  private let fields: [Field]
  /// Limits do not change during a kernel's life.
  private let limits: GroupUsage

  /// Nil if none of the directories is a control group that counts anything.
  init?(_ groups: [String], _ budget: DescriptorBudget) {
    var found: [(path: String, field: Field)] = []
    var limits = GroupUsage()
    for group in groups {
      let isUnified = fleet_cgroup_version(group) == Int32(FLEET_CGROUP_V2.rawValue)
      guard isUnified || ControlGroup(group).exists else { continue }
      let files: [(String, Field)] =
        isUnified
        ? [("memory.current", .memory), ("pids.current", .processes), ("cpu.stat", .version2Time)]
        : [("memory.usage_in_bytes", .memory), ("pids.current", .processes), ("cpu.stat", .version1Time)]
      for (name, field) in files where access("\(group)/\(name)", R_OK) == 0 {
        found.append(("\(group)/\(name)", field))
      }
      let memory = isUnified ? "memory.max" : "memory.limit_in_bytes"
      limits.memoryLimit = Self.limit("\(group)/\(memory)") ?? limits.memoryLimit
      limits.processLimit = Self.limit("\(group)/pids.max") ?? limits.processLimit
    }
    if found.isEmpty { return nil }
    self.limits = limits
    fields = found.map(\.field)
    files = KeptFiles(found.map(\.path), budget)
  }

  /// Nil for `max`, and for what version 1 writes when there is none.
  private static func limit(_ path: String) -> Int64? {
    guard let text = SmallFile.text(path), let value = Int64(text.prefix { !$0.isWhitespace }) else { return nil }
    return value >= 1 << 62 ? nil : value
  }

  func sample() -> GroupUsage {
    var usage = limits
    withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 1) { buffer in
      for (index, field) in fields.enumerated() {
        guard let bytes = files.read(index, buffer) else { continue }
        switch field {
        case .memory: usage.memory = Self.number(bytes)
        case .processes: usage.processes = Self.number(bytes)
        case .version1Time: Self.add(bytes, time: "throttled_time", nanoseconds: true, &usage)
        case .version2Time: Self.add(bytes, time: "throttled_usec", nanoseconds: false, &usage)
        }
      }
    }
    return usage
  }

  private static func number(_ bytes: UnsafeRawBufferPointer) -> Int64? {
    var scanner = NumberScanner(bytes)
    return scanner.number()
  }

  /// Lines of a name and a number; a group without a share has no periods.
  private static func add(
    _ bytes: UnsafeRawBufferPointer, time: String, nanoseconds: Bool, _ usage: inout GroupUsage
  ) {
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      guard let space = line.firstIndex(of: UInt8(ascii: " ")) else { continue }
      let value = number(UnsafeRawBufferPointer(rebasing: bytes[(space + 1)..<line.endIndex]))
      let name = line[..<space]
      if name.elementsEqual("nr_periods".utf8) { usage.periods = value }
      if name.elementsEqual("nr_throttled".utf8) { usage.throttledPeriods = value }
      if name.elementsEqual(time.utf8) { usage.throttledMicroseconds = value.map { nanoseconds ? $0 / 1000 : $0 } }
    }
  }
}
