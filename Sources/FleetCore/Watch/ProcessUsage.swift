// What a process uses, from three small reads of /proc.

import CFleetSystem
import Glibc

/// One sample of a process.
public struct ProcessUsage: Sendable, Hashable {
  /// Bytes in memory, shared pages included.
  public var residentBytes: Int64
  /// Bytes in memory that are neither of files nor shared (RssAnon).
  public var privateBytes: Int64
  /// CPU time used so far; a share of a CPU is the difference of two samples by the time between them.
  public var userMicroseconds: Int64
  public var systemMicroseconds: Int64
  public var threads: Int
  /// Bytes that really went to or came from storage; 0 where the system does not say.
  public var readBytes: Int64
  public var writeBytes: Int64
  /// System calls that read or wrote anything.
  public var readCount: Int64
  public var writeCount: Int64
  /// Since the boot, in clock ticks: together with the pid it names a process.
  public var startTicks: UInt64

  private static let pageSize = Int64(sysconf(Int32(_SC_PAGESIZE)))
  private static let tickMicroseconds = 1_000_000 / Int64(sysconf(Int32(_SC_CLK_TCK)))

  /// A sample of now; nil when there is no such process.
  public init?(pid: Int32) {
    guard let stat = ProcessStat(pid: pid), let pages = Self.numbers("/proc/\(pid)/statm", 3) else { return nil }
    residentBytes = pages[1] * Self.pageSize
    privateBytes = max(0, pages[1] - pages[2]) * Self.pageSize
    userMicroseconds = stat.userTicks * Self.tickMicroseconds
    systemMicroseconds = stat.systemTicks * Self.tickMicroseconds
    threads = stat.threads
    startTicks = stat.startTicks
    // rchar, wchar, syscr, syscw, read_bytes, write_bytes; refused to other users.
    let io = Self.numbers("/proc/\(pid)/io", 6) ?? [0, 0, 0, 0, 0, 0]
    readCount = io[2]
    writeCount = io[3]
    readBytes = io[4]
    writeBytes = io[5]
  }

  private static func numbers(_ path: String, _ count: Int) -> [Int64]? {
    withUnsafeTemporaryAllocation(byteCount: 512, alignment: 1) { buffer in
      let got = fleet_read_file(path, buffer.baseAddress, buffer.count)
      guard got > 0 else { return nil }
      var scanner = NumberScanner(UnsafeRawBufferPointer(rebasing: buffer[..<got]))
      var numbers: [Int64] = []
      numbers.reserveCapacity(count)
      while numbers.count < count, let number = scanner.number() { numbers.append(number) }
      return numbers.count == count ? numbers : nil
    }
  }
}
