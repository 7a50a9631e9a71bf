// How a policy's text comes to run, and how one version follows another: compile, its fixtures, swap.

import FleetEngine
import Glibc
import LuaRuntime

extension Policy {
  /// Starts a worker, which reads the file and takes over if it is good; until then the one before goes on.
  func load(_ origin: PolicyWorker.Origin) {
    let worker = PolicyWorker(origin)
    let superseded = state.withLock { state in
      let old = state.candidate
      state.candidate = worker
      worker.add(state.firstChanges())
      state.inherit(worker)
      return old
    }
    superseded?.letGo()
    do throws(LuaError) { try worker.start(self) } catch { broke(worker, error.message) }
  }

  /// The file may have changed: loads it if it has.
  func fileChanged() {
    let isNews = state.withLock { FileStamp(path: path) != $0.stamp }
    if isNews { load(.file) }
  }

  /// `least_loaded.test.lua` and `least_loaded.test.toml` are fixtures of `least_loaded.lua`.
  func isFixture(_ other: String) -> Bool {
    guard path.hasSuffix(".lua") else { return false }
    return other == path.dropLast(4) + ".test.lua" || other == path.dropLast(4) + ".test.toml"
  }

  /// A file that was no good because of its fixtures may be good now.
  func fixtureChanged() {
    if state.withLock({ $0.fileProblem != nil }) { load(.file) }
  }

  /// Loads the file, changed or not.
  /// - Parameter done: hears why it cannot be used; nil if it is in use.
  func reload(done: @escaping @Sendable (String?) -> Void) {
    state.withLock { $0.reloads.append(done) }
    load(.file)
  }

  // MARK: - From the worker's thread

  /// Reads, compiles and tries what the worker is to run, and puts it into the place of the one before.
  /// - Parameter ready: the last thing before it takes the place.
  /// - Returns: nil if another worker took its place meanwhile.
  func load(_ worker: PolicyWorker, ready: (PolicyProgram) throws -> Void) throws -> PolicyProgram? {
    let source = try source(of: worker)
    let program = try PolicyProgram(
      source, name: name, entry: entry, budget: house.budget, log: { self.log($0, isFromHost: false) })
    if case .file = worker.origin, let problem = rehearse(source) { throw PolicyError(problem) }
    try ready(program)
    return takeOver(worker, source) ? program : nil
  }

  private func source(of worker: PolicyWorker) throws(PolicyError) -> PolicySource {
    switch worker.origin {
    case .text(let text), .lastGood(let text): return PolicySource(text: text)
    case .file:
      // From here on a change of the file is seen as one.
      let stamp = FileStamp(path: path)
      state.withLock { if $0.candidate === worker { $0.stamp = stamp } }
      return try PolicySource(path: path)
    }
  }

  /// Runs the policy's fixtures, unless it is what worked last.
  private func rehearse(_ source: PolicySource) -> String? {
    guard let rehearsal = house.rehearsal, house.store?.read(.text, of: key) != source.text else { return nil }
    return rehearsal(path, source.text)
  }

  private func takeOver(_ worker: PolicyWorker, _ source: PolicySource) -> Bool {
    let wall = Int64(time(nil)) * 1000
    let (isTaken, before, reloads) = state.withLock { state in
      guard state.candidate === worker else { return (false, "", [@Sendable (String?) -> Void]()) }
      let before = state.version.hash
      swap(to: worker, &state)
      if before != source.hash { state.durations = LatencyHistogram() }
      state.version = PolicyState.Version(hash: source.hash, text: source.text, loadedAt: wall)
      // Some were asked while it was being loaded, or of one that is gone.
      for index in state.questions.indices where state.questions[index].worker === worker {
        state.questions[index].hash = source.hash
      }
      if case .file = worker.origin {
        state.fileProblem = nil
        state.lastError = nil
        state.failuresInARow = 0
      }
      state.phase = .active
      defer { state.reloads = [] }
      return (true, before, state.reloads)
    }
    guard isTaken else { return false }
    firstLoad.signal()
    if case .file = worker.origin {
      if !before.isEmpty, before != source.hash {
        log("now runs as \(source.hash.prefix(8)), before as \(before.prefix(8))")
      }
      if house.store != nil { house.later(0) { [weak self] in self?.keep(.text, source.text) } }
    }
    for reload in reloads { reload(nil) }
    return true
  }

  /// Questions that the old worker has still answers; its memory goes over when it has.
  private func swap(to worker: PolicyWorker, _ state: inout PolicyState) {
    state.candidate = nil
    if let old = state.worker {
      state.retiring.append(old)
      old.add(.handOver(worker))
    } else {
      worker.begin(memory: state.memory)
    }
    state.worker = worker
  }

  /// The worker has ended by itself: what it was to load is no good, or there is no memory for the rows.
  func broke(_ worker: PolicyWorker, _ what: String) {
    let reason = what.contains(name) ? what : "\(name): \(what)"
    // Before the lock is taken: a slow disk must not hold up who asks.
    let kept = house.store?.read(.text, of: key)
    let (abandoned, lastGood, goesOn, reloads) = state.withLock { state in
      settle(worker, reason, kept, &state)
    }
    if let goesOn { log("\(goesOn): \(reason)") }
    answer(abandoned, .failure(reason))
    for reload in reloads { reload(reason) }
    if let lastGood { load(.lastGood(lastGood)) } else { firstLoad.signal() }
  }

  private typealias Breakdown = (
    abandoned: [PolicyState.Question], lastGood: [UInt8]?, goesOn: String?, reloads: [@Sendable (String?) -> Void]
  )

  private func settle(
    _ worker: PolicyWorker, _ reason: String, _ kept: [UInt8]?, _ state: inout PolicyState
  ) -> Breakdown {
    if state.candidate === worker {
      state.candidate = nil
      let reloads = state.reloads
      state.reloads = []
      state.lastError = reason
      if case .file = worker.origin { state.fileProblem = reason }
      let abandoned = state.takeQuestions { $0.worker === worker }
      if state.worker != nil {
        return (abandoned, nil, "the changed file cannot be used, and what was good before goes on", reloads)
      }
      let former = state.phase.isOut || state.version.hash.isEmpty ? nil : state.version.text
      // What was set aside is no better than it was.
      var isAside = false
      if case .aside = state.phase { isAside = true }
      if case .file = worker.origin, !isAside, let good = kept ?? former {
        return (abandoned, good, "the file cannot be used; the last good version takes its place", reloads)
      }
      if !state.phase.isOut || state.version.hash.isEmpty { state.phase = .broken(reason) }
      return (abandoned, nil, "the policy cannot be used", reloads)
    }
    guard state.worker === worker else {
      state.ended(worker)
      return ([], nil, nil, [])
    }
    state.worker = nil
    state.phase = .broken(reason)
    state.lastError = reason
    return (state.takeQuestions { $0.worker === worker }, nil, "the policy cannot be used", [])
  }
}
