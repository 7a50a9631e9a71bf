// One control group of a kernel, seen from the host: killed and removed when the shim could not do it.

import CFleetSystem
import Glibc

struct ControlGroup: Sendable, Hashable {
  let path: String

  init(_ path: String) { self.path = path }

  /// Only a directory of a control group file system, so that a damaged record never removes anything else.
  var exists: Bool { fleet_cgroup_version(path) > 0 }

  /// Pids inside, not those in groups below.
  var members: [Int32] {
    (SmallFile.text(path + "/cgroup.procs") ?? "").split(separator: "\n").compactMap { Int32($0) }
  }

  /// How many processes of a kernel the system has killed because there was no memory left, in the first of its groups
  /// that counts them; nil if none does.
  static func outOfMemoryKills(in groups: [String]) -> Int64? {
    for group in groups {
      // Version 2, and version 1 since Linux 4.13.
      for name in ["memory.events", "memory.oom_control"] {
        let lines = (SmallFile.text("\(group)/\(name)") ?? "").split(separator: "\n")
        if let line = lines.first(where: { $0.hasPrefix("oom_kill ") }) { return Int64(line.dropFirst(9)) }
      }
    }
    return nil
  }

  /// Kills everything inside by one step of the system (version 2, Linux 5.14). False where that is not possible.
  @discardableResult
  func kill() -> Bool {
    guard fleet_cgroup_version(path) == Int32(FLEET_CGROUP_V2.rawValue) else { return false }
    // Without that file the caller kills one by one.
    return (try? SmallFile.write(path + "/cgroup.kill", "1")) != nil
  }

  /// Kills the members one by one, each through a pidfd that is checked against the group again.
  func killMembers() {
    for pid in members {
      guard let handle = try? ProcessHandle(pid: pid), members.contains(pid) else { continue }
      // Gone is what is wanted.
      _ = try? handle.send(SIGKILL)
    }
    // A shim that died while it cleared the group left it frozen, and what is frozen does not die. Only v1 has this file.
    _ = try? SmallFile.write(path + "/freezer.state", "THAWED")
  }

  /// Removes the empty group and what a kernel made inside. False while there is something alive in it.
  @discardableResult
  func remove() -> Bool {
    if rmdir(path) == 0 || errno == ENOENT { return true }
    for child in children { ControlGroup(path + "/" + child).remove() }
    return rmdir(path) == 0 || errno == ENOENT
  }

  private var children: [String] {
    exists ? SmallFile.names(in: path) { $0.pointee.d_type == UInt8(DT_DIR) } : []
  }
}
