// The host's group of version 2, made ready to have limited children.

import Glibc

struct UnifiedGroup {
  /// The group below which kernels get theirs.
  let root: String

  /// Where the host sits while its kernels' groups are beside it.
  private static let seat = "fleet-host"
  private static let wanted: Set<Substring> = ["memory", "cpu", "pids"]

  /// A host that is started from where another one sat belongs to the same root.
  init(own: String) {
    root = own.hasSuffix("/" + Self.seat) ? String(own.dropLast(Self.seat.count + 1)) : own
  }

  /// The root, after its controllers were given to its children if that is possible. It is of use in any case: a group
  /// without controllers still kills all of its members at once.
  func delegated() -> String {
    let missing = Self.wanted.intersection(words("cgroup.controllers")).subtracting(words("cgroup.subtree_control"))
    if missing.isEmpty || enable(missing) { return root }
    if moveHost() { _ = enable(missing) }
    return root
  }

  private func words(_ file: String) -> Set<Substring> {
    Set((SmallFile.text("\(root)/\(file)") ?? "").split { $0.isWhitespace })
  }

  private func enable(_ controllers: Set<Substring>) -> Bool {
    // Refused: the limits of version 1 or rlimits are taken instead, and doctor tells.
    (try? SmallFile.write(
      "\(root)/cgroup.subtree_control", controllers.sorted().map { "+" + $0 }.joined(separator: " ")))
      != nil
  }

  /// Only if the host is alone: other people's processes are not moved.
  private func moveHost() -> Bool {
    guard ControlGroup(root).members == [getpid()] else { return false }
    let seat = "\(root)/\(Self.seat)"
    guard mkdir(seat, 0o755) == 0 || errno == EEXIST else { return false }
    return (try? SmallFile.write(seat + "/cgroup.procs", "\(getpid())")) != nil
  }
}
