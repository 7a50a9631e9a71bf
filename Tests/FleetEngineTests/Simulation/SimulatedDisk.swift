// The registry of a simulated world: what is written survives the host, what is synced survives the machine.
import FleetEngine

/// A row as a real registry keeps it: without anything that was only seen.
struct StoredRow {
  var kernel: Kernel
  var backoff: Duration?
  var boot: Int

  init(_ kernel: Kernel, backoff: Duration?, boot: Int) {
    var row = Kernel(
      id: kernel.id, serial: kernel.serial, specification: kernel.specification, key: kernel.key, port: kernel.port)
    row.generation = kernel.generation
    row.status = kernel.status
    row.restarts = kernel.restarts
    row.exit = kernel.exit
    row.sessions = kernel.sessions
    row.wasReady = kernel.wasReady
    row.afterStop = kernel.afterStop
    row.isClaimed = kernel.isClaimed
    row.wasUsed = kernel.wasUsed
    row.isDraining = kernel.isDraining
    self.kernel = row
    self.backoff = backoff
    self.boot = boot
  }
}

struct SimulatedDisk {
  struct Commit {
    var sequence: Int
    var changes: [RowChange]
    var isDurable: Bool
  }

  private(set) var written: [KernelID: StoredRow] = [:]
  private(set) var synced: [KernelID: StoredRow] = [:]
  /// Commits that the host handed over, in that order.
  private var waiting: [Commit] = []
  var isFull = false

  /// In the order of spawning.
  var rows: [StoredRow] { written.values.sorted { $0.kernel.serial < $1.kernel.serial } }

  mutating func submit(_ commit: Commit) { waiting.append(commit) }

  mutating func takeNext() -> Commit? { waiting.isEmpty ? nil : waiting.removeFirst() }

  /// Without a sync, the rows survive the host only.
  mutating func write(_ commit: Commit, boot: Int, isSynced: Bool) {
    for change in commit.changes {
      switch change {
      case .put(let kernel, let backoff): written[kernel.id] = StoredRow(kernel, backoff: backoff, boot: boot)
      case .remove(let id): written[id] = nil
      }
    }
    if isSynced { synced = written }
  }

  /// The host is gone; `finished` of its commits are written all the same.
  mutating func loseHost(finished: Int, boot: Int) {
    for commit in waiting.prefix(finished) { write(commit, boot: boot, isSynced: commit.isDurable) }
    waiting = []
  }

  mutating func losePower() { written = synced }

  var waitingCount: Int { waiting.count }
}
