// Takes rounds of measuring down while they happen, and writes what came together every minute.
import Dispatch
import FleetEngine
import Logging
import Synchronization

/// What was seen of one kernel in a round; the recorder makes shares of the differences between rounds.
struct HistorySample: Sendable {
  var kernel: KernelID
  var pid: Int32
  var memory: Int64
  /// Microseconds since the process was started.
  var cpu: Int64
  /// Since the kernel was spawned or the host began.
  var busy: Duration
  var connections: Int
  /// Since the process was started.
  var age: Duration
}

/// Appending costs its caller a hand-over; everything else is done on a thread of its own. A crash of the host loses what
/// was appended since the last write. Whatever happens to the disk costs points of the history and nothing else.
final class HistoryRecorder: @unchecked Sendable {
  // Everything that changes is only used on `queue`.
  private struct Baseline {
    var pid: Int32
    var cpu: Int64
    var busy: Duration
  }

  /// Rows that wait to be written, at most: a disk that is full for longer costs the oldest.
  static let capacity = 360
  /// Rows that are written at once.
  static let batch = 6
  static let usualBytes = 64 << 20

  private let queue = DispatchQueue(label: "fleet.history")
  private let path: String
  private let mostBytes: Int
  private let logger: Logger
  private var database: HistoryDatabase?
  private var waiting: [HistoryRow] = []
  private var baselines: [KernelID: Baseline] = [:]
  private var lastRound: Duration?
  private var isFailing = false
  private var isClosed = false

  /// Opens nothing yet: a host without kernels has no history.
  init(path: String, mostBytes: Int = usualBytes, logger: Logger) {
    self.path = path
    self.mostBytes = mostBytes
    self.logger = logger
  }

  /// - Parameters:
  ///   - time: seconds since 1970.
  ///   - instant: on a monotonic clock, for the shares.
  func append(_ samples: [HistorySample], time: Int64, at instant: Duration) {
    queue.async {
      if self.isClosed { return }
      self.take(samples, time, instant)
      if self.waiting.count >= Self.batch { self.write(now: time) }
    }
  }

  private func take(_ samples: [HistorySample], _ time: Int64, _ instant: Duration) {
    let step = Double(HistoryStep.tenSeconds.rawValue)
    let elapsed = lastRound.map { (instant - $0).seconds } ?? step
    lastRound = instant
    let before = baselines
    baselines = [:]
    var entries: [HistoryEntry] = []
    for sample in samples {
      baselines[sample.kernel] = Baseline(pid: sample.pid, cpu: sample.cpu, busy: sample.busy)
      let known = before[sample.kernel].flatMap { $0.pid == sample.pid ? $0 : nil }
      // What a process used before anybody looked is of these ten seconds only if it is that young.
      guard known != nil || sample.age.seconds <= 1.5 * step else { continue }
      let seconds = max(known == nil ? step : elapsed, 0.001)
      let cpu = Double(sample.cpu - (known?.cpu ?? 0)) / 1e6 / seconds * 100
      let busy = (sample.busy - (before[sample.kernel]?.busy ?? .zero)).seconds / seconds
      entries.append(
        HistoryEntry(
          kernel: HistoryKey(sample.kernel), rounds: 1, memory: Double(sample.memory), cpu: max(0, cpu),
          connections: Double(sample.connections), busy: min(max(busy, 0), 1)))
    }
    let row = HistoryRow(
      time: HistoryStep.tenSeconds.start(of: time), block: HistoryBlock(rounds: 1, entries: entries))
    if let last = waiting.last, last.time == row.time {
      waiting[waiting.count - 1].block = .combined([last.block, row.block])
    } else {
      waiting.append(row)
      if waiting.count > Self.capacity { waiting.removeFirst(waiting.count - Self.capacity) }
    }
  }

  private func write(now: Int64) {
    guard !waiting.isEmpty else { return }
    do {
      try opened().write(waiting, now: now)
      waiting = []
      if isFailing { logger.info("the history of metrics is written again") }
      isFailing = false
    } catch {
      if !isFailing { logger.warning("\(StorageError("the history of metrics is not written to \(path)", error))") }
      isFailing = true
      // What was found damaged while it was written is set aside when it is opened the next time.
      close(database)
      database = nil
    }
  }

  private func opened() throws(StorageError) -> HistoryDatabase {
    if let database { return database }
    let opened = try HistoryDatabase.open(path: path, mostBytes: mostBytes, logger: logger)
    database = opened
    return opened
  }

  private func close(_ database: HistoryDatabase?) {
    do throws(StorageError) { try database?.close() } catch { logger.warning("\(error)") }
  }

  /// Writes what waits, then reads.
  func rows(_ step: HistoryStep, from: Int64, to: Int64, now: Int64) async throws(StorageError) -> [HistoryRow] {
    let result: Result<[HistoryRow], StorageError> = await withCheckedContinuation { continuation in
      queue.async {
        if self.isClosed { return continuation.resume(returning: .success([])) }
        self.write(now: now)
        continuation.resume(
          returning: Result { () throws(StorageError) in try self.opened().rows(step, from: from, to: to) })
      }
    }
    return try result.get()
  }

  /// Writes what waits; nothing is recorded afterwards.
  func close(now: Int64) async {
    await withCheckedContinuation { continuation in
      queue.async {
        self.write(now: now)
        self.close(self.database)
        self.database = nil
        self.isClosed = true
        continuation.resume()
      }
    }
  }
}
