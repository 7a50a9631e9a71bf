// One line of /proc/PID/stat, parsed by bytes: it is read for every process of the system when a tree is looked for.

import CFleetSystem
import Glibc

/// The fields of `/proc/PID/stat` that are used here. Times in clock ticks, see proc(5).
struct ProcessStat: Sendable, Hashable {
  var pid: Int32
  var state: UInt8
  var parent: Int32
  var userTicks: Int64
  var systemTicks: Int64
  var nice: Int
  var threads: Int
  /// Since the boot: together with the pid it names a process.
  var startTicks: UInt64

  /// Nil when there is no such process.
  init?(pid: Int32) {
    let parsed = withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 1) { buffer -> ProcessStat? in
      let count = fleet_read_file("/proc/\(pid)/stat", buffer.baseAddress, buffer.count)
      return count > 0 ? ProcessStat(pid: pid, UnsafeRawBufferPointer(rebasing: buffer[..<count])) : nil
    }
    guard let parsed else { return nil }
    self = parsed
  }

  /// The name stands in brackets and may hold anything, brackets and spaces too: fields count from the last bracket.
  init?(pid: Int32, _ line: UnsafeRawBufferPointer) {
    guard let bracket = line.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    var fields = NumberScanner(UnsafeRawBufferPointer(rebasing: line[(bracket + 1)...]))
    guard let state = fields.letter() else { return nil }
    // Counted as in proc(5), where the state is field 3.
    func field(after skipped: Int) -> Int64? {
      for _ in 0..<skipped where fields.number() == nil { return nil }
      return fields.number()
    }
    guard let parent = field(after: 0), let user = field(after: 9), let system = field(after: 0),
      let nice = field(after: 3), let threads = field(after: 0), let start = field(after: 1)
    else { return nil }
    self.pid = pid
    self.state = state
    self.parent = Int32(truncatingIfNeeded: parent)
    userTicks = user
    systemTicks = system
    self.nice = Int(nice)
    self.threads = Int(threads)
    startTicks = UInt64(clamping: start)
  }

  /// Milliseconds since 1970, to about 10 ms.
  var startedAt: Int64 {
    var (boot, wall) = (timespec(), timespec())
    clock_gettime(CLOCK_BOOTTIME, &boot)
    clock_gettime(CLOCK_REALTIME, &wall)
    func milliseconds(_ time: timespec) -> Int64 { Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000 }
    let age = milliseconds(boot) - Int64(startTicks) * 1000 / Int64(sysconf(Int32(_SC_CLK_TCK)))
    return milliseconds(wall) - age
  }

  /// Neither a zombie nor on its way out.
  var isAlive: Bool { state != UInt8(ascii: "Z") && state != UInt8(ascii: "X") }
  var isStopped: Bool { state == UInt8(ascii: "T") }
}

/// Reads decimal numbers out of bytes, whatever stands between them.
struct NumberScanner {
  private let bytes: UnsafeRawBufferPointer
  private var at = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// The next byte that is no space.
  mutating func letter() -> UInt8? {
    while at < bytes.count, bytes[at] == UInt8(ascii: " ") { at += 1 }
    guard at < bytes.count else { return nil }
    defer { at += 1 }
    return bytes[at]
  }

  mutating func number() -> Int64? {
    while at < bytes.count, !Self.isDigit(bytes[at]) { at += 1 }
    guard at < bytes.count else { return nil }
    let isNegative = at > 0 && bytes[at - 1] == UInt8(ascii: "-")
    var value: Int64 = 0
    while at < bytes.count, Self.isDigit(bytes[at]) {
      value = value &* 10 &+ Int64(bytes[at] - UInt8(ascii: "0"))
      at += 1
    }
    return isNegative ? -value : value
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
}
