// A kernel that runs under its shim. Everything is said to the shim, which alone knows whether the kernel still has its
// pid.

import Glibc

/// A running kernel and its shim: started by this host, or found and adopted.
public struct LaunchedProcess: Sendable {
  public let id: String
  public let nonce: String
  /// The fleet directory.
  public let directory: String
  /// Readable when all is over: the shim leaves last.
  public let shim: ProcessHandle
  /// The kernel's pid, for people and for measuring; never signal it.
  public let kernel: Int32
  /// What enforces each limit: `cgroup v2`, `cgroup v1`, `rlimit`, `nice`, `not enforced`.
  public let limits: [String: String]
  /// What each hardening holds by, or `not enforced`.
  public let hardening: [String: String]
  /// Directories of the kernel's control groups.
  public let cgroups: [String]

  /// Asks the kernel to end: SIGTERM, and SIGCONT in case it is stopped.
  public func terminate() throws(SystemError) { try tell(SIGTERM) }

  /// SIGINT for the kernel and the commands that it waits for.
  public func interrupt() throws(SystemError) { try tell(SIGINT) }

  /// Whether the shim has yet to take SIGINT (proc(5), `ShdPnd`), or may be about to pass it on: it has not gone to sleep
  /// since.
  public var isInterruptPending: Bool {
    let lines = SmallFile.text("/proc/\(shim.pid)/status")?.split(separator: "\n") ?? []
    func value(_ name: String) -> Substring? {
      lines.first { $0.hasPrefix(name) }?.split(whereSeparator: \.isWhitespace).dropFirst().first
    }
    let pending = value("ShdPnd:").flatMap { UInt64($0, radix: 16) } ?? 0
    return pending & 1 << (UInt64(SIGINT) - 1) != 0 || value("State:") == "R"
  }

  /// SIGKILL for the kernel and everything that it started.
  public func kill() throws(SystemError) { try tell(SIGUSR1) }

  /// Starts a new log file at the end of the present line.
  public func rotateLog() throws(SystemError) { try tell(SIGHUP) }

  /// A shim that somebody stopped hears nothing else before SIGCONT.
  private func tell(_ signal: Int32) throws(SystemError) {
    if try shim.send(signal) { try shim.send(SIGCONT) }
  }

  /// Kills everything and sees to it that the shim leaves, doing the shim's work when it does not answer within `grace`.
  /// True when all is over; false if something cannot be killed (it hangs inside the system). May block its thread for
  /// part of a second.
  public func killSurely(within grace: Duration = .seconds(1), _ events: DescriptorEvents) async throws(SystemError)
    -> Bool
  {
    try kill()
    if try await hasLeft(within: grace, events) { return true }
    killFromOutside()
    if try await hasLeft(within: grace, events) { return true }
    try shim.send(SIGKILL)
    let left = try await hasLeft(within: grace, events)
    try KernelRemains(id: id, nonce: nonce, directory: directory).clear()
    return left
  }

  /// Kills everything below the shim without its help. The shim then records the end, if it can.
  @discardableResult
  public func killFromOutside() -> Bool {
    for path in cgroups { ControlGroup(path).kill() }
    let isClear = ProcessTree.killBelow(shim)
    // Gone is what is wanted; a shim that cannot be signalled is dealt with by the caller.
    _ = try? shim.send(SIGCONT)
    return isClear
  }

  private func hasLeft(within limit: Duration, _ events: DescriptorEvents) async throws(SystemError) -> Bool {
    // A second descriptor: somebody else may watch the first one in the same epoll.
    let copy = try shim.duplicate()
    let outcome = try await events.readable(copy.descriptor, within: limit)
    return outcome == .ready || copy.hasEnded
  }
}
