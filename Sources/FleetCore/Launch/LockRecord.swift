// The lock file of a kernel: who holds it, and what that shim wrote into it.

import CFleetSystem
import Glibc
import JSON

/// The content of `<id>.lock`.
struct LockRecord: Sendable, Hashable {
  var shim: Int32
  /// 0 while the kernel is being started.
  var kernel: Int32
  var nonce: String
  var limits: [String: String]
  var hardening: [String: String]
  var cgroups: [String]

  init?(parsing bytes: [UInt8]) {
    // The shim may be writing just now; the caller looks again.
    guard let json = try? JSON(parsing: bytes), let shim = json["shim"]?.int, let kernel = json["kernel"]?.int,
      let nonce = json["nonce"]?.string
    else { return nil }
    self.shim = Int32(truncatingIfNeeded: shim)
    self.kernel = Int32(truncatingIfNeeded: kernel)
    self.nonce = nonce
    limits = ShimReport.limits(json)
    hardening = ShimReport.hardening(json)
    cgroups = ShimReport.cgroups(json)
  }
}

/// An open lock file. Looking does not take the lock.
final class LockFile {
  private let descriptor: Int32
  private let path: String

  /// Nil when there is none.
  init?(_ path: String) throws(SystemError) {
    descriptor = fleet_open_record(path)
    self.path = path
    if descriptor >= 0 { return }
    if descriptor == -ENOENT { return nil }
    throw SystemError("open \(path)", code: -descriptor)
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Pid of the process that holds the lock, nil when nobody does.
  func holder() throws(SystemError) -> Int32? {
    var pid: pid_t = 0
    let result = fleet_lock_holder(descriptor, &pid)
    guard result == 0 else { throw SystemError("ask for the lock \(path)", code: -result) }
    return pid == 0 ? nil : pid
  }

  func record() throws(SystemError) -> LockRecord? {
    var bytes = [UInt8](repeating: 0, count: 8192)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    guard count >= 0 else { throw SystemError("read \(path)", code: errno) }
    return LockRecord(parsing: Array(bytes.prefix(count)))
  }
}
