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
    /// With the wall time in milliseconds since 1970. A decision has half a kilobyte: kept apart, or the list would copy
    /// it again each time that it grows (1000 ns instead of 200).
    indirect case decided(Decision, at: Int64)
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
  /// Opened on `queue`, so that no host waits for it. Without it nothing is recorded, and whoever asks is told why.
  private let log = Mutex<Result<DecisionLog, StorageError>?>(nil)
  private let logger: Logger

  init(path: String, bounds: DecisionLog.Bounds, logger: Logger) {
    self.logger = logger
    queue.async {
      let opened = Result { () throws(StorageError) in
        try DecisionLog.open(path: path, bounds: bounds, logger: logger)
      }
      if case .failure(let error) = opened { logger.error("decisions are not recorded: \(error)") }
      self.log.withLock { $0 = opened }
    }
  }

  /// Counts the hosts of this directory; 0 if that is not known.
  var run: Int {
    get async {
      // Who could not be opened counts nothing.
      if let log = log.withLock({ $0 }) { return (try? log.get().run) ?? 0 }
      return await flushed { log in (try? log.get().run) ?? 0 }
    }
  }

  func append(_ entry: Entry) {
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

  /// On `queue`; opening came first there.
  private func write() {
    let (entries, lost) = state.withLock { state in
      defer { state = State() }
      return (state.entries, state.lost)
    }
    if lost > 0 { logger.warning("\(lost) decisions are not recorded: the disk does not keep up") }
    guard !entries.isEmpty, case .success(let log) = log.withLock({ $0 }) else { return }
    log.write(entries)
  }

  /// Writes what waits, then does `work`, which may read what was written.
  func flushed<Value: Sendable>(
    _ work: @escaping @Sendable (Result<DecisionLog, StorageError>) -> Value
  ) async -> Value {
    await withCheckedContinuation { continuation in
      queue.async {
        self.write()
        guard let log = self.log.withLock({ $0 }) else { preconditionFailure("opening comes first on the queue") }
        continuation.resume(returning: work(log))
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
