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

  /// CPU time of all threads so far, in seconds. Threads that have ended are left out.
  ///
  /// From `schedstat`, because `stat` counts in steps of 10 ms.
  static func cpuTime(of pid: Int32) throws -> Double {
    let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")
    return try threads.reduce(0) { sum, thread in
      let text = try read("/proc/\(pid)/task/\(thread)/schedstat")
      return sum + (text.split(separator: " ").first.flatMap { Double($0) } ?? 0) / 1e9
    }
  }

  static func commandLine(of pid: Int32) throws -> [String] {
    try read("/proc/\(pid)/cmdline").split(separator: "\0").map(String.init)
  }

  private static func read(_ path: String) throws -> String {
    guard let data = FileManager.default.contents(atPath: path) else { throw Failure("cannot read \(path)") }
    return String(decoding: data, as: UTF8.self)
  }
}
