// What became of one launch: decided by the lock, the nonce and the exit file, never by a pid alone.

import Glibc

/// Looks for the shim of a row.
public struct ShimProbe: Sendable, Hashable {
  public enum Finding: Sendable {
    /// The launch lives; it can be adopted.
    case running(LaunchedProcess)
    /// The shim lives and has not started the kernel yet, or is not readable yet: look again.
    case starting(ProcessHandle)
    /// The kernel ended, and this is how.
    case ended(ExitRecord)
    /// Nothing runs and no record exists: it was never started, or its shim was killed, and the kernel with it.
    case absent
    /// The lock is held, but not by this launch.
    case stranger(pid: Int32, nonce: String?)
  }

  public let id: String
  public let nonce: String
  /// The fleet directory.
  public let directory: String

  public init(id: String, nonce: String, directory: String) {
    self.id = id
    self.nonce = nonce
    self.directory = directory
  }

  /// Each of them fails only because a holder left between two calls.
  private static let tries = 100

  private var lockPath: String { "\(directory)/\(id).lock" }

  /// Fails when the directory or the process cannot be looked at, which is not the same as absent.
  public func look() throws(SystemError) -> Finding {
    guard let lock = try LockFile(lockPath) else { return try withoutHolder() }
    for _ in 0..<Self.tries {
      guard let pid = try lock.holder() else { return try withoutHolder() }
      // Outside of this process namespace: alive, and not ours.
      guard pid > 0 else { return .stranger(pid: 0, nonce: try lock.record()?.nonce) }
      guard let handle = try open(pid) else { continue }
      let record = try lock.record()
      // Still the holder after it was opened: so the handle is the holder's, not that of a later owner of the pid.
      guard try lock.holder() == pid else { continue }
      return finding(handle, record)
    }
    throw SystemError("tell who holds \(lockPath)", code: EAGAIN)
  }

  /// `look`, again and again while the answer is `starting`: a shim needs a millisecond or two. Blocks its thread.
  public func settled(within limit: Duration = .seconds(2)) throws(SystemError) -> Finding {
    let deadline = ContinuousClock.now + limit
    while true {
      let finding = try look()
      guard case .starting = finding, ContinuousClock.now < deadline else { return finding }
      usleep(2000)
    }
  }

  /// Nil when the process ended meanwhile.
  private func open(_ pid: Int32) throws(SystemError) -> ProcessHandle? {
    do throws(SystemError) {
      return try ProcessHandle(pid: pid)
    } catch  where error.code == ESRCH {
      return nil
    }
  }

  private func finding(_ handle: ProcessHandle, _ record: LockRecord?) -> Finding {
    // A lock file of an earlier launch has that launch's content until the new shim writes its own.
    guard let record, record.shim == handle.pid else { return .starting(handle) }
    guard record.nonce == nonce else { return .stranger(pid: handle.pid, nonce: record.nonce) }
    guard record.kernel > 0 else { return .starting(handle) }
    return .running(
      LaunchedProcess(
        id: id, nonce: nonce, directory: directory, shim: handle, kernel: record.kernel, limits: record.limits,
        hardening: record.hardening,
        cgroups: record.cgroups))
  }

  /// The shim writes the exit file before it lets go of the lock, so that this order of looking misses nothing.
  private func withoutHolder() throws(SystemError) -> Finding {
    try ExitRecord.read(id: id, nonce: nonce, directory: directory).map(Finding.ended) ?? .absent
  }
}
