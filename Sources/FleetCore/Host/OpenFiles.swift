// How many files a host may have open: a kernel takes it about ten (sockets, a pidfd, files of /proc).
import Glibc

public enum OpenFiles {
  /// The limits of this process; nil if the system does not say.
  public static var limit: rlimit? {
    var limit = rlimit()
    return getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 ? limit : nil
  }

  /// Raises the soft limit to the hard one. Kernels inherit it, unless they have a limit of their own.
  /// - Returns: the limit now in force.
  @discardableResult
  public static func raiseLimit() -> Int {
    guard var limit else { return 1024 }
    if limit.rlim_cur < limit.rlim_max {
      let before = limit.rlim_cur
      limit.rlim_cur = limit.rlim_max
      if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) != 0 { limit.rlim_cur = before }
    }
    return Int(clamping: limit.rlim_cur)
  }
}
