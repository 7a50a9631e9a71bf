// Where a host may make control groups for its kernels: below its own groups, so that kernels never escape the limits
// that the host itself was given.

import CFleetSystem
import Glibc

/// Directories in which the shim makes the groups of its kernel; nil where nothing can be made.
public struct CgroupRoots: Sendable, Hashable {
  /// Version 2.
  public var unified: String?
  /// Version 1, one hierarchy each.
  public var memory: String?
  public var cpu: String?
  public var pids: String?
  public var freezer: String?

  public init(
    unified: String? = nil, memory: String? = nil, cpu: String? = nil, pids: String? = nil, freezer: String? = nil
  ) {
    self.unified = unified
    self.memory = memory
    self.cpu = cpu
    self.pids = pids
    self.freezer = freezer
  }

  /// As the shim is told.
  var named: [(String, String)] {
    [("unified", unified), ("memory", memory), ("cpu", cpu), ("pids", pids), ("freezer", freezer)]
      .compactMap { name, path in path.map { (name, $0) } }
  }

  /// What this machine offers to this process, and makes it usable: on version 2 the host may have to move itself into a
  /// group `fleet-host` beside its kernels, because a group with controllers for its children holds no processes. Once,
  /// when a host starts.
  public static func prepare() -> CgroupRoots {
    let own = CgroupRoots.found(
      mounts: SmallFile.text("/proc/self/mountinfo") ?? "", groups: SmallFile.text("/proc/self/cgroup") ?? "")
    return own.usable(isWritable: { access($0 + "/cgroup.procs", W_OK) == 0 && access($0, W_OK) == 0 })
  }

  /// The groups of this process, by what /proc/self/mountinfo and /proc/self/cgroup say.
  static func found(mounts: String, groups: String) -> CgroupRoots {
    let mounts = CgroupMount.all(in: mounts)
    var roots = CgroupRoots()
    for line in groups.split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let controllers = fields[1].split(separator: ",").map(String.init)
      func directory(_ controller: String?) -> String? {
        mounts.first { $0.controller(controller) }?.directory(ofGroup: String(fields[2]))
      }
      if controllers.isEmpty { roots.unified = directory(nil) }
      if controllers.contains("memory") { roots.memory = directory("memory") }
      if controllers.contains("cpu") { roots.cpu = directory("cpu") }
      if controllers.contains("pids") { roots.pids = directory("pids") }
      if controllers.contains("freezer") { roots.freezer = directory("freezer") }
    }
    return roots
  }

  private func usable(isWritable: (String) -> Bool) -> CgroupRoots {
    func keep(_ path: String?) -> String? { path.flatMap { isWritable($0) ? $0 : nil } }
    return CgroupRoots(
      unified: keep(unified.map(UnifiedGroup.init(own:))?.root).map { UnifiedGroup(own: $0).delegated() },
      memory: keep(memory), cpu: keep(cpu), pids: keep(pids), freezer: keep(freezer))
  }
}

/// One mounted hierarchy, as a line of /proc/self/mountinfo describes it.
struct CgroupMount: Sendable, Hashable {
  /// The part of the hierarchy that is mounted.
  let root: String
  let point: String
  /// Empty for version 2.
  let controllers: [String]
  let isUnified: Bool

  static func all(in text: String) -> [CgroupMount] { text.split(separator: "\n").compactMap(CgroupMount.init(line:)) }

  /// `36 35 0:30 ROOT POINT options optional… - TYPE source SUPER-OPTIONS`
  init?(line: Substring) {
    let fields = line.split(separator: " ")
    guard let dash = fields.firstIndex(of: "-"), dash >= 6, fields.count > dash + 3 else { return nil }
    let type = fields[dash + 1]
    guard type == "cgroup" || type == "cgroup2" else { return nil }
    root = Self.plain(fields[3])
    point = Self.plain(fields[4])
    isUnified = type == "cgroup2"
    controllers = isUnified ? [] : fields[dash + 3].split(separator: ",").map(String.init)
  }

  func controller(_ name: String?) -> Bool { name.map(controllers.contains) ?? isUnified }

  /// The directory of a group; nil when this mount does not show it.
  func directory(ofGroup group: String) -> String? {
    if group.split(separator: "/").contains("..") { return nil }
    guard root != "/" else { return group == "/" ? point : point + group }
    guard group == root || group.hasPrefix(root + "/") else { return nil }
    return point + group.dropFirst(root.count)
  }

  /// Spaces, tabs, line feeds and backslashes stand there as octal numbers.
  private static func plain(_ field: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = Array(field.utf8)[...]
    while let byte = rest.popFirst() {
      let digits = rest.prefix(3)
      if byte == UInt8(ascii: "\\"), digits.count == 3,
        let code = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
      {
        bytes.append(code)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
