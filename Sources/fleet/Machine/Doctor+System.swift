// The checks of `fleet doctor` that are about the system: limits, processes, ports, who trusts whom.
import CFleetSystem
import FleetConfiguration
import Glibc

extension Doctor {
  func system() -> [Finding] { [pidfd(), controlGroups(), openFiles(), trust()] }

  private func pidfd() -> Finding {
    let descriptor = fleet_pidfd_open(getpid())
    guard descriptor >= 0 else {
      return .fail(
        "pidfd", "this Linux cannot name processes safely: \(String(cString: strerror(-descriptor)))",
        "use Linux 5.3 or later; in a container, let its seccomp profile allow pidfd_open")
    }
    close(descriptor)
    return .ok("pidfd", "ends of kernels are seen at once, and no stranger is ever signalled")
  }

  /// Which limits can be enforced, and by what.
  private func controlGroups() -> Finding {
    let root = "/sys/fs/cgroup"
    switch fleet_cgroup_version(root) {
    case Int32(FLEET_CGROUP_V2.rawValue):
      let own = root + (Self.ownGroup() ?? "")
      let controllers = Self.words(own + "/cgroup.controllers").filter { ["cpu", "memory", "pids"].contains($0) }
      if controllers.count == 3, access(own, W_OK) == 0 {
        return .ok("limits", "by cgroup v2 (\(controllers.joined(separator: ", ")))")
      }
      let lacking = access(own, W_OK) == 0 ? "lacks controllers" : "may not be written by this user"
      return .warn(
        "limits", "cgroup v2 is here, but \(own) \(lacking): rlimits are used",
        "run the host as a systemd service with Delegate=yes")
    case Int32(FLEET_CGROUP_V1.rawValue): return versionOne(root)
    default:
      let groups = ["memory", "cpu", "pids"].map { "\(root)/\($0)" }
      if groups.contains(where: { fleet_cgroup_version($0) == Int32(FLEET_CGROUP_V1.rawValue) }) {
        return versionOne(root)
      }
      return .warn(
        "limits", "there are no control groups: rlimits are used, and a share of processors cannot be enforced",
        "mount cgroup v2 and delegate a subtree to this user")
    }
  }

  private func versionOne(_ root: String) -> Finding {
    let usable = ["memory", "cpu", "pids"].filter { access("\(root)/\($0)", W_OK) == 0 }
    guard usable.count == 3 else {
      return .warn(
        "limits",
        "cgroup v1, of which this user may use \(usable.isEmpty ? "nothing" : usable.joined(separator: ", "))",
        "run the host as root or delegate these groups; what is lacking falls back to rlimits")
    }
    return .ok("limits", "by cgroup v1 (\(usable.joined(separator: ", ")))")
  }

  private func openFiles() -> Finding {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    // About four descriptors a kernel, and a few hundred of its own.
    let kernels = limit.rlim_max > 1 << 20 ? 1 << 18 : Int(limit.rlim_max) / 4
    guard limit.rlim_max >= 4096 else {
      return .warn(
        "open files", "at most \(limit.rlim_max): enough for about \(kernels) kernels", "raise it: ulimit -Hn 65536")
    }
    return .ok("open files", "at most \(limit.rlim_max)")
  }

  private func trust() -> Finding {
    let user = getpwuid(geteuid()).flatMap { $0.pointee.pw_name }.map { String(cString: $0) } ?? "user \(geteuid())"
    return .ok("trust", "kernels run as \(user) and trust each other")
  }

  /// Whether something else listens where kernels would.
  func ports(_ configuration: FleetConfiguration) -> Finding {
    let base = configuration.ports.base
    let taken = (base..<min(base + 50, 65536)).filter { !Self.isFree(UInt16($0)) }
    guard taken.isEmpty else {
      let list = taken.prefix(8).map { "\($0)" }.joined(separator: ", ") + (taken.count > 8 ? ", …" : "")
      return .ok("ports", "from \(base); in use: \(list), which are skipped")
    }
    return .ok("ports", "from \(base), the first fifty are free")
  }

  private static func isFree(_ port: UInt16) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    var one: Int32 = 1
    // Connections that have ended linger on a port without taking it.
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }

  /// The path of this process's group in the unified hierarchy.
  private static func ownGroup() -> String? {
    let line = text("/proc/self/cgroup").split(separator: "\n").first { $0.hasPrefix("0::") }
    return line.map { String($0.dropFirst(3)) }.map { $0 == "/" ? "" : $0 }
  }

  private static func words(_ path: String) -> [String] {
    text(path).split(whereSeparator: \.isWhitespace).map(String.init)
  }

  private static func text(_ path: String) -> String {
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = fleet_read_file(path, &bytes, bytes.count)
    return String(decoding: bytes[..<max(0, count)], as: UTF8.self)
  }
}
