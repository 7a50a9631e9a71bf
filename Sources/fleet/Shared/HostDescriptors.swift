// Whether a host has descriptors left: without one it takes no connection, and cannot say so itself.
import FleetConfiguration
import Foundation

struct HostDescriptors {
  let pid: Int32
  let open: Int
  let limit: Int

  /// Fewer than a connection and what it asks for take.
  private static let few = 8

  /// Those of the host whose pid the directory has; nil if there is none, or none of ours.
  init?(_ directory: FleetDirectory) {
    // Whatever of it cannot be read, there is nothing to tell.
    guard let pid = (try? TextFile.read(directory.pidFile)).flatMap({ Int32($0.prefix { $0.isNumber }) }),
      let names = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd"),
      let limits = try? TextFile.read("/proc/\(pid)/limits"),
      // Name, soft limit, hard limit, unit.
      let line = limits.split(separator: "\n").first(where: { $0.hasPrefix("Max open files") }),
      let limit = line.split(separator: " ").dropFirst(3).first.flatMap({ Int($0) })
    else { return nil }
    (self.pid, open, self.limit) = (pid, names.count, limit)
  }

  var shortage: String? {
    guard open + Self.few > limit else { return nil }
    return
      "the host (pid \(pid)) has \(open) open files and may have \(limit): it can open hardly any more, so that nobody "
      + "can connect and nothing can be started; kernels go on"
  }

  static let remedy = "fleet down, raise the limit (ulimit -n, LimitNOFILE=), fleet up; kill -9 of it is safe, too"
}
