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
  /// Bytes that really went to or came from storage; 0 where the system does not say.
  public var readBytes: Int64 = 0
  public var writeBytes: Int64 = 0
  /// System calls that read or wrote anything.
  public var readCount: Int64 = 0
  public var writeCount: Int64 = 0
  /// Since the boot, in clock ticks: together with the pid it names a process.
  public var startTicks: UInt64 = 0

  fileprivate init() {}

  /// One sample of now; nil when there is no such process. To sample again and again, keep a `ProcessMeter`.
  public init?(pid: Int32) {
    guard let usage = ProcessMeter(pid: pid)?.sample() else { return nil }
    self = usage
  }
}

/// Samples one process again and again. It keeps the files of /proc open, because opening them costs three times as much
/// as reading them, and because they stay this process's when its pid is given to another one.
public final class ProcessMeter: Sendable {
  public let pid: Int32
  private let stat: Int32
  private let statm: Int32
  /// -1 where this user may not read it.
  private let io: Int32

  private static let pageSize = Int64(sysconf(Int32(_SC_PAGESIZE)))
  private static let tickMicroseconds = 1_000_000 / Int64(sysconf(Int32(_SC_CLK_TCK)))

  /// Nil when there is no such process, or no descriptor left.
  public init?(pid: Int32) {
    self.pid = pid
    stat = open("/proc/\(pid)/stat", O_RDONLY | O_CLOEXEC)
    statm = open("/proc/\(pid)/statm", O_RDONLY | O_CLOEXEC)
    io = open("/proc/\(pid)/io", O_RDONLY | O_CLOEXEC)
    if stat < 0 || statm < 0 { return nil }
  }

  deinit { for descriptor in [stat, statm, io] where descriptor >= 0 { close(descriptor) } }

  /// Nil once the process has ended and was reaped.
  public func sample() -> ProcessUsage? {
    withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 1) { buffer in
      guard let stat = read(stat, buffer).flatMap({ ProcessStat(pid: pid, $0) }), let pages = read(statm, buffer) else {
        return nil
      }
      var usage = ProcessUsage()
      usage.userMicroseconds = stat.userTicks * Self.tickMicroseconds
      usage.systemMicroseconds = stat.systemTicks * Self.tickMicroseconds
      usage.threads = stat.threads
      usage.startTicks = stat.startTicks
      // Total, resident, and the part of it that is of files or shared.
      var memory = NumberScanner(pages)
      guard memory.number() != nil, let resident = memory.number(), let shared = memory.number() else { return nil }
      usage.residentBytes = resident * Self.pageSize
      usage.privateBytes = max(0, resident - shared) * Self.pageSize
      if let counts = read(io, buffer) { Self.add(counts, to: &usage) }
      return usage
    }
  }

  /// `rchar: … wchar: … syscr: … syscw: … read_bytes: … write_bytes: …`
  private static func add(_ counts: UnsafeRawBufferPointer, to usage: inout ProcessUsage) {
    var scanner = NumberScanner(counts)
    guard scanner.number() != nil, scanner.number() != nil, let reads = scanner.number(), let writes = scanner.number(),
      let read = scanner.number(), let written = scanner.number()
    else { return }
    usage.readCount = reads
    usage.writeCount = writes
    usage.readBytes = read
    usage.writeBytes = written
  }

  private func read(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> UnsafeRawBufferPointer? {
    let count = descriptor < 0 ? -1 : pread(descriptor, buffer.baseAddress, buffer.count, 0)
    return count > 0 ? UnsafeRawBufferPointer(rebasing: buffer[..<count]) : nil
  }
}
