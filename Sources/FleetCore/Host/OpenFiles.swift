// How many files a host may have open: a kernel takes it about ten (sockets, a pidfd, files of /proc).
import Glibc

public enum OpenFiles {
  /// Raises the soft limit to the hard one. Kernels inherit it, unless they have a limit of their own.
  /// - Returns: the limit now in force.
  @discardableResult
  public static func raiseLimit() -> Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
    if limit.rlim_cur < limit.rlim_max {
      let before = limit.rlim_cur
      limit.rlim_cur = limit.rlim_max
      if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) != 0 { limit.rlim_cur = before }
    }
    return Int(clamping: limit.rlim_cur)
  }
}
