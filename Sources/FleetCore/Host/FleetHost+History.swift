// The history of metrics: a round every ten seconds while there are kernels, and the document that tells of it.
import FleetEngine
import Foundation
import JSON

/// What a client wants to know of the past.
public struct HistoryQuery: Sendable {
  /// Id, UUID, name or port; nil for the whole fleet. A kernel that is gone is known by its id or UUID.
  public var kernel: String?
  /// Seconds since 1970; nil is an hour ago.
  public var since: Int64?
  /// Nil takes the finest that reaches back so far.
  public var step: HistoryStep?

  public init(kernel: String? = nil, since: Int64? = nil, step: HistoryStep? = nil) {
    self.kernel = kernel
    self.since = since
    self.step = step
  }
}

extension FleetHost {
  // MARK: Recording

  /// Begins to record when there is a kernel.
  func recordIfNeeded() {
    guard let history, !engine.kernels.isEmpty, recording == nil, case .open = phase else { return }
    let offset = Double.random(in: 0..<1)
    recording = Task { [weak self] in
      repeat {
        // Once in each interval, and not together with other hosts. Cancelled when the host leaves.
        let step = Double(HistoryStep.tenSeconds.rawValue)
        let wall = Date().timeIntervalSince1970
        let next = ((wall - offset) / step).rounded(.down) * step + step + offset
        try? await Task.sleep(for: .seconds(next - wall), tolerance: .milliseconds(500))
      } while await self?.recordOnce(history) == true
    }
  }

  /// False when it is not needed any more. The engine is told nothing: policies that need measurements have their own.
  private func recordOnce(_ history: HistoryRecorder) async -> Bool {
    guard !Task.isCancelled, case .open = phase, !engine.kernels.isEmpty else {
      recording = nil
      return false
    }
    if engine.kernels.values.contains(where: { $0.process != nil }) {
      await countConnections(within: .seconds(2))
      let round = await measured(within: .seconds(2))
      let (now, wall) = (now, Self.wallMilliseconds())
      let samples = engine.kernels.values.compactMap { kernel -> HistorySample? in
        guard let process = kernel.process, let measured = round.measurements[kernel.id], measured.pid == process.kernel
        else { return nil }
        return HistorySample(
          kernel: kernel.id, pid: measured.pid, memory: measured.usage.residentBytes,
          cpu: measured.usage.cpuMicroseconds, busy: life.busy(kernel, now: now), connections: kernel.connections,
          age: .milliseconds(wall - process.startedAt))
      }
      history.append(samples, time: wall / 1000, at: .nanoseconds(now.nanoseconds))
    }
    return true
  }

  // MARK: Telling

  /// The document of `GET /metrics/history`.
  /// - Parameter viewer: an owner is told of kernels that are there and his: whose others were is not kept.
  public func metricsHistory(_ query: HistoryQuery, as viewer: Viewer = .everyone) async throws -> JSON {
    await whenOpen()
    guard let history else {
      throw EngineError(.badRequest, "this host keeps no history: fleet.toml says [metrics] history = false")
    }
    let now = Self.wallMilliseconds() / 1000
    // Nothing is known from before 1970, nor of the future; that is no mistake, but an empty answer.
    let since = min(max(0, query.since ?? now - 3600), now)
    let selection = try selection(query.kernel, viewer)
    let step = query.step ?? .reaching(back: now - since)
    let rows: [HistoryRow]
    do throws(StorageError) {
      rows = try await history.rows(step, from: step.start(of: since), to: now + step.seconds, now: now)
    } catch {
      throw EngineError(.storage, error.description)
    }
    let points = await measures.run { rows.compactMap { $0.point(of: selection) } }
    if points.isEmpty, let kernel = query.kernel, selection.id == nil {
      throw EngineError(.kernelNotFound, "nothing is known of \(kernel) since then")
    }
    return [
      "kernel": JSON(selection.id?.description ?? query.kernel), "step_seconds": JSON(step.rawValue),
      "from": .string(KernelView.text(ofMilliseconds: since * 1000)),
      "to": .string(KernelView.text(ofMilliseconds: now * 1000)), "points": .array(points),
    ]
  }

  private func selection(_ reference: String?, _ viewer: Viewer) throws -> HistorySelection {
    guard let reference else {
      if viewer == .everyone { return HistorySelection() }
      let keys = Set(engine.kernels.values.filter(viewer.sees).map { HistoryKey($0.id) })
      return HistorySelection(accepts: { keys.contains($0) })
    }
    if let kernel = engine.kernel(named: reference), viewer.sees(kernel) {
      let key = HistoryKey(kernel.id)
      return HistorySelection(id: kernel.id, isOne: true, accepts: { $0 == key })
    }
    guard viewer == .everyone else { throw EngineError(.kernelNotFound, "Kernel not found") }
    if let id = KernelID(uuid: reference) {
      let key = HistoryKey(id)
      return HistorySelection(isOne: true, accepts: { $0 == key })
    }
    let digits = reference.dropFirst("kernel-".count)
    guard reference.hasPrefix("kernel-"), digits.utf8.count == 8, let number = UInt32(digits, radix: 16) else {
      throw EngineError(.kernelNotFound, "Kernel not found")
    }
    return HistorySelection(isOne: true, accepts: { $0.begins(with: number) })
  }
}

/// Which kernels a client wants to know of.
private struct HistorySelection: Sendable {
  /// Of the one kernel, if it is there.
  var id: KernelID?
  var isOne = false
  /// Nil: all of them.
  var accepts: (@Sendable (HistoryKey) -> Bool)?
}

extension HistoryRow {
  /// Sums over kernels, averaged over the interval: what a kernel used that lived for half of it counts half.
  fileprivate func point(of selection: HistorySelection) -> JSON? {
    let entries = selection.accepts.map { accepts in block.entries.filter { accepts($0.kernel) } } ?? block.entries
    if selection.isOne, entries.isEmpty { return nil }
    // Of one kernel the average while it lived; of the fleet the average of the interval.
    let rounds = selection.isOne ? entries.map(\.rounds).reduce(0, +) : block.rounds
    func average(_ value: (HistoryEntry) -> Double) -> Double {
      entries.reduce(0) { $0 + value($1) * Double($1.rounds) } / Double(max(1, rounds))
    }
    // Stored with seven digits: what lies behind them is no measurement.
    func rounded(_ value: Double) -> JSON { .double((value * 10_000).rounded() / 10_000) }
    let kernels = average { _ in 1 }
    return [
      "time": .string(KernelView.text(ofMilliseconds: time * 1000)), "kernels": rounded(kernels),
      "memory_mb": rounded(average(\.memory) / 1_048_576), "cpu_percent": rounded(average(\.cpu)),
      "connections": rounded(average(\.connections)),
      "busy_percent": rounded(kernels > 0 ? average(\.busy) / kernels * 100 : 0),
    ]
  }
}
