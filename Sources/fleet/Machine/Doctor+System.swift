// The checks of `fleet doctor` that are about the system: limits, processes, ports, who trusts whom.
import CFleetSystem
import FleetConfiguration
import FleetCore
import Glibc

extension Doctor {
  func system(_ configuration: FleetConfiguration) -> [Finding] {
    [pidfd()] + limits() + [openFiles(), trust(configuration)]
  }

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

  /// Which limits and hardenings hold here, by a trial of the real thing.
  private func limits() -> [Finding] {
    // Its absence is a finding of its own.
    guard let shim = Installation.current.program("fleet-shim") else { return [] }
    do {
      let trial = try MachineTrial(shim: shim, in: trialPlace())
      return [held(trial), hardening(trial)]
    } catch {
      return [.fail("limits", "no kernel could be started to try them: \(error)", "see the other findings")]
    }
  }

  /// Not below /tmp, where a private one would hide it.
  private func trialPlace() -> String {
    let places = [directory.path, FilePath.home(), "/dev/shm", "/tmp"].compactMap { $0 }
    return places.first { access($0, W_OK | X_OK) == 0 } ?? "/tmp"
  }

  private func held(_ trial: MachineTrial) -> Finding {
    let names = ["memory", "cpu", "processes", "open_files", "file_size", "nice"]
    var by: [(means: String, names: [String])] = []
    for name in names {
      guard let means = trial.limits[name], means != "not enforced" else { continue }
      if let place = by.firstIndex(where: { $0.means == means }) {
        by[place].names.append(name)
      } else {
        by.append((means, [name]))
      }
    }
    let words = by.map { "\($0.names.joined(separator: ", ")) by \($0.means)" }.joined(separator: "; ")
    let lacking = names.compactMap { trial.reasons[$0] }
    if !lacking.isEmpty {
      return .warn(
        "limits", "\(words); \(lacking.joined(separator: "; "))",
        "run the host as a systemd service with Delegate=yes, or as root where control groups can be written")
    }
    guard trial.limits["memory"]?.hasPrefix("cgroup") == true else {
      return .warn(
        "limits", words + "; memory is limited for each process, not for all of a kernel's together",
        "run the host as a systemd service with Delegate=yes, or as root where control groups can be written")
    }
    return .ok("limits", words)
  }

  private func hardening(_ trial: MachineTrial) -> Finding {
    let names = MachineTrial.hardenings
    let offered = names.filter { trial.hardening[$0].map { $0 != "not enforced" } ?? false }
    let lacking = names.compactMap { trial.reasons[$0] }
    let words = ["no_new_privs always"] + (offered.isEmpty ? [] : ["on demand: " + offered.joined(separator: ", ")])
    return .ok("hardening", (words + lacking).joined(separator: "; "))
  }

  private func openFiles() -> Finding {
    let most = OpenFiles.limit?.rlim_max ?? 0
    // About four descriptors a kernel, and a few hundred of its own.
    let kernels = most > 1 << 20 ? 1 << 18 : Int(most) / 4
    guard most >= 4096 else {
      return .warn("open files", "at most \(most): enough for about \(kernels) kernels", "raise it: ulimit -Hn 65536")
    }
    return .ok("open files", "at most \(most)")
  }

  private func trust(_ configuration: FleetConfiguration) -> Finding {
    if let users = configuration.hardening.uidRange {
      guard geteuid() == 0 else {
        return .fail("trust", "uid_range needs a host of root", "start the host as root, or take it out of fleet.toml")
      }
      do throws(ConfigurationError) { try directory.checkWay(users) } catch {
        return .fail("trust", "\(error)", "correct [hardening] of fleet.toml, or choose another --fleet-dir")
      }
      return .ok("trust", "each kernel runs as a user of its own (\(users)), and sees the kernels of its owner")
    }
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
}
