// What the system tells of a process.
import Foundation

enum ProcessUse {
  /// Private memory in bytes: what only this process has, and what is not a file's.
  static func privateMemory(of pid: Int32) throws -> Double {
    let status = try read("/proc/\(pid)/status")
    for line in status.split(separator: "\n") where line.hasPrefix("RssAnon:") {
      if let kilobytes = Double(line.split(separator: " ", omittingEmptySubsequences: true)[1]) {
        return kilobytes * 1024
      }
    }
    throw Failure("/proc/\(pid)/status has no RssAnon")
  }

  /// CPU time so far in seconds, of threads that have ended too; exact, where /proc/PID/stat counts in steps of 10 ms.
  static func cpuTime(of pid: Int32) throws -> Double {
    var clock = clockid_t()
    var time = timespec()
    guard clock_getcpuclockid(pid, &clock) == 0, clock_gettime(clock, &time) == 0 else {
      throw Failure("the CPU time of process \(pid) cannot be read; it may have ended")
    }
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  static func hasChildren(_ pid: Int32) throws -> Bool {
    try !read("/proc/\(pid)/task/\(pid)/children").isEmpty
  }

  static func commandLine(of pid: Int32) throws -> [String] {
    try read("/proc/\(pid)/cmdline").split(separator: "\0").map(String.init)
  }

  private static func read(_ path: String) throws -> String {
    guard let data = FileManager.default.contents(atPath: path) else { throw Failure("cannot read \(path)") }
    return String(decoding: data, as: UTF8.self)
  }
}
