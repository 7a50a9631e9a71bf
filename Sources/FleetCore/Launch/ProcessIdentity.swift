// What tells one process from all others that ever had its pid, in a form that can be kept in a row.

import CFleetSystem
import Glibc

/// Identity of a process across restarts of the host: the boot, and the number that the system gave the process for that
/// boot (a pidfd's file handle, Linux 6.14), else its start time and pid.
public struct ProcessIdentity: Sendable, Hashable, CustomStringConvertible {
  public let description: String

  /// Of a process that is alive; nil once it has ended.
  public init?(_ handle: ProcessHandle) {
    guard let boot = Self.boot else { return nil }
    if let number = Self.handle(of: handle.descriptor) {
      description = "\(boot)/\(number)"
      return
    }
    guard let stat = ProcessStat(pid: handle.pid), !handle.hasEnded else { return nil }
    description = "\(boot)/\(stat.pid)@\(stat.startTicks)"
  }

  /// As it was kept.
  public init(description: String) { self.description = description }

  /// The id of this boot of the system.
  public static let boot: String? = SmallFile.text("/proc/sys/kernel/random/boot_id").map {
    String($0.prefix { !$0.isNewline })
  }

  /// Whether this system names processes by file handles.
  public static var hasHandles: Bool {
    // Our own process exists; without pidfds there are no handles either.
    guard let own = try? ProcessHandle(pid: getpid()) else { return false }
    return handle(of: own.descriptor) != nil
  }

  private static func handle(of descriptor: Int32) -> String? {
    var bytes = [UInt8](repeating: 0, count: 128)
    let count = fleet_process_handle(descriptor, &bytes, bytes.count)
    guard count > 0 else { return nil }
    let digits = Array("0123456789abcdef")
    return String(bytes.prefix(Int(count)).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
  }
}
