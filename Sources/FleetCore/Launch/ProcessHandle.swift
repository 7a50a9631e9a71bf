// A process held by a pidfd: whatever happens to its pid, a signal reaches this process or none.

import CFleetSystem
import Glibc

/// How a shim ended, as far as the system tells this process.
public enum ShimEnd: Sendable, Hashable {
  case exited(code: Int32)
  case signaled(Int32)
  /// It was not started by this process, so that only its exit file knows.
  case unknown
}

/// An open pidfd; closed when the last reference goes.
public final class ProcessHandle: Sendable {
  public let pid: Int32
  /// Readable when the process has ended.
  public let descriptor: Int32

  /// Fails with ESRCH when there is no such process.
  public init(pid: Int32) throws(SystemError) {
    let descriptor = fleet_pidfd_open(pid)
    guard descriptor >= 0 else { throw SystemError("open process \(pid)", code: -descriptor) }
    self.pid = pid
    self.descriptor = descriptor
  }

  private init(pid: Int32, descriptor: Int32) {
    self.pid = pid
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// A second descriptor of the same process, for a second wait in the same epoll.
  public func duplicate() throws(SystemError) -> ProcessHandle {
    let copy = dupCloseOnExec(descriptor)
    guard copy >= 0 else { throw SystemError("duplicate a descriptor", code: errno) }
    return ProcessHandle(pid: pid, descriptor: copy)
  }

  /// Signals exactly this process. False when it has ended.
  @discardableResult
  public func send(_ signal: Int32) throws(SystemError) -> Bool {
    let result = fleet_pidfd_signal(descriptor, signal)
    if result == -ESRCH { return false }
    guard result == 0 else { throw SystemError("send signal \(signal) to process \(pid)", code: -result) }
    return true
  }

  /// Whether the process has ended (a zombie has).
  public var hasEnded: Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, 0) > 0
  }

  /// Reaps this process and no other. Nil while it runs.
  public func reap() -> ShimEnd? {
    var value: Int32 = 0
    let result = fleet_reap(descriptor, pid, &value)
    if result == -EAGAIN { return nil }
    switch result {
    case Int32(FLEET_END_EXITED.rawValue): return .exited(code: value)
    case Int32(FLEET_END_SIGNALED.rawValue): return .signaled(value)
    default: return .unknown
    }
  }
}

private func dupCloseOnExec(_ descriptor: Int32) -> Int32 {
  fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
}
