// What the clients of a storm were told. When all is over, the fleet must be what was told.
import Synchronization

final class Ledger: Sendable {
  struct Entry: Sendable {
    let name: String
    var id = ""
    var pid: Int32 = 0
    /// The value of `n` that the kernel confirmed last.
    var value: Int?
    var isAcknowledged = false
    var stopAsked = false
    var isStopped = false
    var restartAsked = false
    /// A host said that a stop was done and could not be written: then the next host need not know.
    var isUnwritten = false
    /// What was answered, for the story of a failure.
    var answers: [String] = []
  }

  struct Counts: Sendable {
    var spawned = 0, stopped = 0, restarted = 0, executed = 0, refused = 0, unanswered = 0
    var hostsKilled = 0, kernelsKilled = 0, shimsKilled = 0, frozen = 0, spawnsFailed = 0, clockJumps = 0
    var fullDisks = 0, fewDescriptors = 0
    /// By the host's code, and one message of each.
    var refusals: [String: Int] = [:]
    var messages: [String: String] = [:]
  }

  private struct State {
    var entries: [String: Entry] = [:]
    var counts = Counts()
    var victims: Set<Int32> = []
    var isOver = false
  }

  private let state = Mutex(State())

  var entries: [Entry] { state.withLock { $0.entries.values.sorted { $0.name < $1.name } } }
  var counts: Counts { state.withLock { $0.counts } }
  /// What hosts acknowledged so far.
  var progress: Int { state.withLock { $0.counts.spawned + $0.counts.stopped + $0.counts.restarted } }
  var isOver: Bool { state.withLock { $0.isOver } }

  func finish() { state.withLock { $0.isOver = true } }
  func count(_ change: @Sendable (inout Counts) -> Void) { state.withLock { change(&$0.counts) } }

  func change(_ name: String, _ change: @Sendable (inout Entry) -> Void) {
    state.withLock { change(&$0.entries[name, default: Entry(name: name)]) }
  }

  func entry(_ name: String) -> Entry? { state.withLock { $0.entries[name] } }

  /// Processes that the storm itself ends: said before it is done.
  func condemn(_ pid: Int32) { state.withLock { _ = $0.victims.insert(pid) } }
  func isCondemned(_ pid: Int32) -> Bool { state.withLock { $0.victims.contains(pid) } }

  /// Compares what was told with what is there; the differences.
  func differences(from rows: [KernelRow]) -> [String] {
    let byName = Dictionary(grouping: rows) { $0.name }
    var problems = byName.filter { $0.value.count > 1 }.map { "\($0.key) is there \($0.value.count) times" }
    for entry in entries {
      let row = byName[entry.name]?.first
      if entry.isStopped, let row {
        problems.append("\(entry.name) was stopped and is \(row.status): \(entry.answers)")
      }
      if entry.isAcknowledged, !entry.stopAsked, row == nil {
        problems.append("\(entry.name) was acknowledged and is lost: \(entry.answers)")
      }
      guard let row, entry.isAcknowledged, !entry.stopAsked, !entry.restartAsked else { continue }
      let wasKilled = isCondemned(entry.pid)
      if !wasKilled, row.pid != entry.pid || !row.answers {
        problems.append(
          "\(entry.name) had process \(entry.pid) and is \(row.status) with \(row.pid); nobody touched it")
      }
    }
    let known = Set(entries.map(\.name))
    problems += rows.filter { !known.contains($0.name) }.map { "nobody asked for \($0.id) '\($0.name)'" }
    return problems
  }
}
