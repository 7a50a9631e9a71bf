// Groups what waits to be written: commits that arrive while one is being synced, or shortly after, share a sync.
import Dispatch
import FleetEngine
import Logging
import Synchronization

/// Writes batches in the order in which they were handed over, on a thread of its own.
final class RegistryWriter: Sendable {
  struct Work: Sendable {
    var changes: [RowChange] = []
    var sessions: [SessionChange] = []
    var notes: [StoredNote] = []
    var totalSpawned: Int?
    var durable = false
    /// Others are at work too, so that it may wait a little to share a sync. A commit that may not takes those along
    /// which wait.
    var mayWait = false
    /// Called on the writer's thread.
    var completion: (@Sendable (Result<Void, StorageError>) -> Void)?

    var isEmpty: Bool { changes.isEmpty && sessions.isEmpty && notes.isEmpty }
  }

  /// Between two syncs of a burst: 15 ms, doubling to 60 ms. Ten commits at once take two syncs, and ten that come within
  /// a fifth of a second, as from ten processes that are just starting, take six.
  static let gaps: ClosedRange<Duration> = .milliseconds(15) ... .milliseconds(60)
  /// Lines of the story that are kept for a later try when they cannot be written.
  static let mostKeptNotes = 1000
  /// Until that later try, when nothing else is to be written meanwhile.
  static let retry: Duration = .seconds(2)

  private struct State {
    var waiting: [Work] = []
    var isScheduled = false
    var lastSync: ContinuousClock.Instant?
    var gap = RegistryWriter.gaps.lowerBound
    /// What happened while nothing could be written.
    var keptNotes: [StoredNote] = []
    var problem: String?
    var isRetrySet = false
  }

  private let database: RegistryDatabase
  private let bootID: String
  private let log: Logger
  private let tell: @Sendable (String?) -> Void
  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "fleet.registry.writer")

  /// - Parameter tell: why nothing can be written, once when that begins, and nil when it ends; on the writer's thread.
  init(
    database: RegistryDatabase, bootID: String, log: Logger, tell: @escaping @Sendable (String?) -> Void = { _ in }
  ) {
    self.database = database
    self.bootID = bootID
    self.log = log
    self.tell = tell
  }

  /// Why the last try to write failed; nil if it did not.
  var problem: String? { state.withLock { $0.problem } }

  func submit(_ work: Work) {
    let isUrgent = work.durable && !work.mayWait
    let mustSchedule = state.withLock { state in
      state.waiting.append(work)
      // Whoever waits for company comes too late for this one, and then finds nothing to do.
      defer { state.isScheduled = true }
      return !state.isScheduled || isUrgent
    }
    if mustSchedule { queue.async { self.drain() } }
  }

  /// Returns when all that was submitted before was written, or could not be.
  func flush() async {
    await withCheckedContinuation { continuation in
      submit(Work(completion: { _ in continuation.resume() }))
    }
  }

  private func drain() {
    let (work, delay) = state.withLock { state -> ([Work], Duration) in
      let durable = state.waiting.filter(\.durable)
      if !durable.isEmpty {
        let now = ContinuousClock.now
        let passed = state.lastSync.map { now - $0 } ?? .seconds(1)
        if passed < state.gap, durable.allSatisfy(\.mayWait) { return ([], state.gap - passed) }
        // A burst is over when twice its longest gap went by.
        state.gap = passed < Self.gaps.upperBound * 2 ? min(state.gap * 2, Self.gaps.upperBound) : Self.gaps.lowerBound
        state.lastSync = now
      }
      state.isScheduled = false
      defer { state.waiting = [] }
      return (state.waiting, .zero)
    }
    guard delay == .zero else {
      return queue.asyncAfter(deadline: .now() + .nanoseconds(Int(delay.nanoseconds))) { self.drain() }
    }
    if !work.isEmpty { write(work) }
  }

  private func write(_ work: [Work]) {
    var batch = RegistryDatabase.Batch(bootID: bootID)
    // While nothing can be written, the story waits for its own turn: with each of many rows it would be tried in vain.
    let isLater = problem != nil && !work.allSatisfy(\.isEmpty)
    if isLater { keep(work.flatMap(\.notes)) } else { batch.notes = takeKept() + work.flatMap(\.notes) }
    for item in work {
      batch.changes += item.changes
      batch.sessions += item.sessions
      batch.totalSpawned = item.totalSpawned ?? batch.totalSpawned
    }
    let result: Result<Void, StorageError>
    do throws(StorageError) {
      if !(batch.changes.isEmpty && batch.sessions.isEmpty && batch.notes.isEmpty) {
        try database.write(batch, durable: work.contains { $0.durable })
        // What waits decides whether all is well again: on a full disk a small change finds room when the story does not.
        if state.withLock({ $0.keptNotes.isEmpty }) { settle(nil) } else { write([Work()]) }
      }
      result = .success(())
    } catch {
      keep(batch.notes, error)
      settle("\(error)")
      result = .failure(error)
    }
    work.forEach { $0.completion?(result) }
  }

  private func takeKept() -> [StoredNote] {
    state.withLock { state in
      defer { state.keptNotes = [] }
      return state.keptNotes
    }
  }

  private func settle(_ problem: String?) {
    let (before, mustRetry) = state.withLock { state in
      let mustRetry = problem != nil && !state.isRetrySet
      defer { (state.problem, state.isRetrySet) = (problem, state.isRetrySet || mustRetry) }
      return (state.problem, mustRetry)
    }
    if (before == nil) != (problem == nil) { tell(problem) }
    guard mustRetry else { return }
    queue.asyncAfter(deadline: .now() + .nanoseconds(Int(Self.retry.nanoseconds))) { [weak self] in
      guard let self else { return }
      self.state.withLock { $0.isRetrySet = false }
      // The kept story alone.
      if self.problem != nil { self.write([Work()]) }
    }
  }

  /// Rows are given again by the engine; the story is nobody else's to keep.
  private func keep(_ notes: [StoredNote], _ error: StorageError) {
    let count = keep(notes)
    log.warning("\(error); \(count) events wait for a later try")
  }

  @discardableResult
  private func keep(_ notes: [StoredNote]) -> Int {
    state.withLock { state in
      state.keptNotes = (state.keptNotes + notes).suffix(Self.mostKeptNotes)
      return state.keptNotes.count
    }
  }
}
