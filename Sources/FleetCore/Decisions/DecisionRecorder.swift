// Takes decisions and changes of rows down while they happen, and writes what came together every quarter of a second.
import Dispatch
import FleetEngine
import Logging
import Synchronization

/// Appending costs the deciding path a lock and a copy; everything else is done on a thread of its own. A crash of the
/// host loses what was appended since the last write.
final class DecisionRecorder: Sendable {
  enum Entry: Sendable {
    case rows([KernelRowChange])
    /// The question with this number went out: its decision stands here, for the policy saw the rows of now.
    case asked(Int)
    /// With the wall time in milliseconds since 1970.
    case decided(Decision, at: Int64)
  }

  private struct State {
    var entries: [Entry] = []
    var isScheduled = false
    /// Decisions that were dropped because the disk did not keep up.
    var lost = 0
  }

  private static let delay: DispatchTimeInterval = .milliseconds(250)
  /// What waits to be written, at most.
  static let capacity = 20_000

  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "fleet.decisions")
  /// Only used on `queue`. Without it nothing is recorded, and whoever asks is told why.
  private let log: Result<DecisionLog, StorageError>
  private let logger: Logger
  /// Counts the hosts of this directory; 0 if that is not known.
  let run: Int

  init(path: String, bounds: DecisionLog.Bounds, logger: Logger) {
    log = Result { () throws(StorageError) in try DecisionLog.open(path: path, bounds: bounds, logger: logger) }
    self.logger = logger
    switch log {
    case .success(let log): run = log.run
    case .failure(let error):
      run = 0
      logger.error("decisions are not recorded: \(error)")
    }
  }

  func append(_ entry: Entry) {
    guard run > 0 else { return }
    let mustSchedule = state.withLock { state in
      if state.entries.count >= Self.capacity { state.entries = Self.condense(state.entries, &state.lost) }
      state.entries.append(entry)
      defer { state.isScheduled = true }
      return !state.isScheduled
    }
    if mustSchedule { queue.asyncAfter(deadline: .now() + Self.delay) { self.write() } }
  }

  /// What is left when there is no room: the rows as they came to be, without which nothing that follows could be read.
  private static func condense(_ entries: [Entry], _ lost: inout Int) -> [Entry] {
    var last: [String: KernelRowChange] = [:]
    for entry in entries {
      switch entry {
      case .rows(let changes):
        for change in changes { last[change.uuid] = change }
      case .asked: break
      case .decided: lost += 1
      }
    }
    return [.rows(Array(last.values))]
  }

  private func write() {
    let (entries, lost) = state.withLock { state in
      defer { state = State() }
      return (state.entries, state.lost)
    }
    if lost > 0 { logger.warning("\(lost) decisions are not recorded: the disk does not keep up") }
    if !entries.isEmpty, case .success(let log) = log { log.write(entries) }
  }

  /// Writes what waits, then does `work`, which may read what was written.
  func flushed<Value: Sendable>(
    _ work: @escaping @Sendable (Result<DecisionLog, StorageError>) -> Value
  ) async -> Value {
    await withCheckedContinuation { continuation in
      queue.async {
        self.write()
        continuation.resume(returning: work(self.log))
      }
    }
  }
}

extension DecisionRecorder {
  /// Writes what waits; nothing is recorded afterwards.
  func close() async {
    let logger = logger
    await flushed { log in
      // What could not be opened need not be closed.
      guard case .success(let log) = log else { return }
      do throws(StorageError) { try log.close() } catch { logger.warning("\(error)") }
    }
  }
}

extension KernelRowChange {
  var uuid: String {
    switch self {
    case .put(let row): row.uuid
    case .remove(let uuid): uuid
    }
  }
}
