// What a process uses, from three small reads of /proc.

import CFleetSystem
import Glibc

/// One sample of a process.
public struct ProcessUsage: Sendable, Hashable {
  /// Bytes in memory, shared pages included.
  public var residentBytes: Int64 = 0
  /// Bytes in memory that are neither of files nor shared (RssAnon).
  public var privateBytes: Int64 = 0
  /// CPU time used so far; a share of a CPU is the difference of two samples by the time between them.
  public var userMicroseconds: Int64 = 0
  public var systemMicroseconds: Int64 = 0
  public var threads = 0
  public var nice = 0
  /// Whether the system says what the process read and wrote; it does so for processes of one's own user.
  public var hasIO = false
  /// Bytes that really went to or came from storage.
  public var readBytes: Int64 = 0
  public var writeBytes: Int64 = 0
  /// System calls that read or wrote anything.
  public var readCount: Int64 = 0
  public var writeCount: Int64 = 0
  /// Since the boot, in clock ticks: together with the pid it names a process.
  public var startTicks: UInt64 = 0

  public var cpuMicroseconds: Int64 { userMicroseconds + systemMicroseconds }

  fileprivate init() {}

  /// One sample of now; nil when there is no such process. To sample again and again, keep a `ProcessMeter`.
  public init?(pid: Int32) {
    guard let usage = ProcessMeter(pid: pid, budget: DescriptorBudget(3))?.sample() else { return nil }
    self = usage
  }
}

/// Samples one process again and again, and never another one that was given its pid.
final class ProcessMeter: Sendable {
  let pid: Int32
  private let files: KeptFiles
  private let startTicks: UInt64

  private static let stat = 0
  private static let statm = 1
  /// Nothing where this user may not read it.
  private static let io = 2

  private static let pageSize = Int64(sysconf(Int32(_SC_PAGESIZE)))
  private static let tickMicroseconds = 1_000_000 / Int64(sysconf(Int32(_SC_CLK_TCK)))

  /// Nil when there is no such process.
  /// - Parameter parent: the process that must have started it: a kernel's shim lives as long as the kernel, so that a
  ///   process with another parent is a stranger that was given the pid.
  init?(pid: Int32, parent: Int32? = nil, budget: DescriptorBudget) {
    self.pid = pid
    files = KeptFiles(["stat", "statm", "io"].map { "/proc/\(pid)/\($0)" }, budget)
    let first = withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 1) { [files] buffer in
      files.read(Self.stat, buffer).flatMap { ProcessStat(pid: pid, $0) }
    }
    guard let first, parent == nil || first.parent == parent else { return nil }
    startTicks = first.startTicks
  }

  /// Nil once the process has ended.
  func sample() -> ProcessUsage? {
    withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 1) { buffer in
      guard let stat = files.read(Self.stat, buffer).flatMap({ ProcessStat(pid: pid, $0) }), stat.isAlive,
        stat.startTicks == startTicks, let pages = files.read(Self.statm, buffer)
      else { return nil }
      var usage = ProcessUsage()
      usage.userMicroseconds = stat.userTicks * Self.tickMicroseconds
      usage.systemMicroseconds = stat.systemTicks * Self.tickMicroseconds
      usage.threads = stat.threads
      usage.nice = stat.nice
      usage.startTicks = stat.startTicks
      // Total, resident, and the part of it that is of files or shared.
      var memory = NumberScanner(pages)
      guard memory.number() != nil, let resident = memory.number(), let shared = memory.number() else { return nil }
      usage.residentBytes = resident * Self.pageSize
      usage.privateBytes = max(0, resident - shared) * Self.pageSize
      if let counts = files.read(Self.io, buffer) { Self.add(counts, to: &usage) }
      return usage
    }
  }

  /// `rchar: … wchar: … syscr: … syscw: … read_bytes: … write_bytes: …`
  private static func add(_ counts: UnsafeRawBufferPointer, to usage: inout ProcessUsage) {
    var scanner = NumberScanner(counts)
    guard scanner.number() != nil, scanner.number() != nil, let reads = scanner.number(), let writes = scanner.number(),
      let read = scanner.number(), let written = scanner.number()
    else { return }
    usage.hasIO = true
    usage.readCount = reads
    usage.writeCount = writes
    usage.readBytes = read
    usage.writeBytes = written
  }
}
