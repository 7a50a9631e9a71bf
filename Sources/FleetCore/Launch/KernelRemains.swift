// What a shim leaves behind when it is killed itself: processes that the kernel had started, and its control groups. The
// kernel dies with its shim (PDEATHSIG), but nothing of the system ends the rest.

import Glibc

/// The remains of one launch whose shim is gone without an exit record.
public struct KernelRemains: Sendable, Hashable {
  public let id: String
  public let nonce: String
  /// The fleet directory.
  public let directory: String

  public init(id: String, nonce: String, directory: String) {
    self.id = id
    self.nonce = nonce
    self.directory = directory
  }

  /// Kills and removes what is left of the launch: members of its control groups, and processes that have its nonce as
  /// `FLEET_NONCE` in their environment. Does nothing while a shim holds the lock. Answers how many processes it killed.
  @discardableResult
  public func clear() throws(SystemError) -> Int {
    // A shim makes its lock before anything else: no lock, no launch.
    guard let lock = try LockFile("\(directory)/\(id).lock"), try lock.holder() == nil else { return 0 }
    let groups = try lock.record().map(groups(of:)) ?? []
    let killed = killBearers(and: groups)
    for group in groups { remove(group) }
    return killed
  }

  /// Only groups that bear the name of this launch are touched, whatever the file says.
  private func groups(of record: LockRecord) -> [ControlGroup] {
    guard record.nonce == nonce else { return [] }
    let name = "/fleet-\(id)-\(nonce)"
    return record.cgroups.filter { $0.hasSuffix(name) }.map(ControlGroup.init).filter(\.exists)
  }

  private func killBearers(and groups: [ControlGroup]) -> Int {
    var killed: Set<Int32> = []
    for pass in 0..<200 {
      var alive = groups.flatMap(\.members)
      for group in groups where !group.kill() { group.killMembers() }
      for bearer in bearers() where ProcessTree.signal(bearer, SIGKILL) { alive.append(bearer.pid) }
      if alive.isEmpty { break }
      killed.formUnion(alive)
      if pass > 0 { usleep(1000) }
    }
    return killed.count
  }

  /// Living processes that were started with the nonce. Those of other users cannot be read and are not ours.
  private func bearers() -> [ProcessStat] {
    let mark = Array("FLEET_NONCE=\(nonce)".utf8) + [0]
    let own = getpid()
    return ProcessTree.all().filter { process in
      process.isAlive && process.pid != own && Self.environment(of: process.pid, holds: mark)
    }
  }

  private static func environment(of pid: Int32, holds mark: [UInt8]) -> Bool {
    // Not readable: another user's, or gone.
    guard let bytes = (try? SmallFile.read("/proc/\(pid)/environ", limit: 4 << 20)) ?? nil else { return false }
    return bytes.split(separator: 0).contains { $0.elementsEqual(mark.dropLast()) }
  }

  /// A member that was just killed may still be on its way out.
  private func remove(_ group: ControlGroup) {
    for _ in 0..<100 where !group.remove() { usleep(2000) }
  }
}
