// Killing what is below a shim from outside, for when the shim itself cannot.

import CFleetSystem
import Glibc

enum ProcessTree {
  /// Every process of the system that can be seen.
  static func all() -> [ProcessStat] {
    pids().compactMap { ProcessStat(pid: $0) }
  }

  private static func pids() -> [Int32] { SmallFile.names(in: "/proc").compactMap { Int32($0) } }

  /// The living processes below `root`, in no order.
  static func below(_ root: Int32) -> [ProcessStat] {
    let children = Dictionary(grouping: all(), by: \.parent)
    var found: [ProcessStat] = []
    var open = [root]
    while let parent = open.popLast() {
      for child in children[parent] ?? [] {
        open.append(child.pid)
        if child.isAlive { found.append(child) }
      }
    }
    return found
  }

  /// The same below a process that is held: looked for while it surely had its pid, so that they are its own.
  private static func below(_ root: ProcessHandle) -> [ProcessStat] {
    let found = below(root.pid)
    return root.hasEnded ? [] : found
  }

  /// Stops all of them until no new one appears, then kills them: killing at once would only make room for the next
  /// children of a fork bomb. Answers whether none is left.
  static func killBelow(_ root: ProcessHandle) -> Bool {
    for _ in 0..<100 {
      let running = below(root).filter { !$0.isStopped }
      if running.isEmpty { break }
      for process in running { signal(process, SIGSTOP) }
    }
    for _ in 0..<200 {
      let alive = below(root)
      if alive.isEmpty { return true }
      for process in alive { signal(process, SIGKILL) }
      usleep(1000)
    }
    return false
  }

  /// Signals the process that was seen, not whoever has its pid by now.
  @discardableResult
  static func signal(_ seen: ProcessStat, _ signal: Int32) -> Bool {
    // Gone means nothing to do; an ended process is skipped likewise.
    guard let handle = try? ProcessHandle(pid: seen.pid), let now = ProcessStat(pid: seen.pid),
      now.startTicks == seen.startTicks
    else { return false }
    return (try? handle.send(signal)) ?? false
  }
}
