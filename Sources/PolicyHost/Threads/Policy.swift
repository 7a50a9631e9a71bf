// One policy file for one entry point: what it is asked, how it fares, and what becomes of it when it fails.

import FleetEngine
import Glibc
import LuaRuntime
import Synchronization

final class Policy: Sendable {
  /// What one policy made of one question, and what it took.
  struct Outcome: Sendable {
    enum Result: Sendable {
      case verdict(Verdict)
      /// It was not asked, and why.
      case unavailable(String)
    }

    var result: Result
    var hash: String
    var duration: Duration = .zero
  }

  typealias Reply = @Sendable (Outcome) -> Void

  /// So many failures in a row, and it is set aside.
  static let patience = 5
  /// How much longer a question may wait for the thread to begin with it: on a busy machine, or while one version hands
  /// over to the next. Once begun, it has the policy's own time.
  private static let queueing: Duration = .milliseconds(100)
  /// How often at most a policy's memory is kept, in nanoseconds.
  private static let checkpointEvery: Int64 = 10_000_000_000

  let path: String
  /// The file's name: what positions in errors begin with.
  let name: String
  let entry: EntryPoint
  let isShadow: Bool
  let house: PolicyHouse
  let firstLoad = LuaEvent()
  let state = Mutex(PolicyState())

  init(entry: EntryPoint, path: String, isShadow: Bool = false, house: PolicyHouse) {
    self.entry = entry
    self.path = path
    self.isShadow = isShadow
    self.house = house
    name = fileName(of: path)
    do throws(LuaError) {
      let alarm = try LuaAlarm { self.lookForLate() }
      state.withLock {
        $0.alarm = alarm
        $0.memory = house.store?.read(.memory, of: key)
      }
      load(.file)
    } catch {
      state.withLock { $0.phase = .broken(error.message) }
      firstLoad.signal()
    }
  }

  /// What its files are called in the store.
  var key: String {
    let digits = policyHash(of: Array(path.utf8)).prefix(12)
    return "\(isShadow ? "shadow-" : "")\(entry.rawValue)-\(digits)-\(name)"
  }

  func waitUntilLoaded() { firstLoad.wait() }

  /// Ends its thread. Its memory is kept by `checkpointed`, before.
  func stop() {
    let reason = "the host has stopped"
    let (alarm, questions) = state.withLock { state in
      state.candidate?.letGo()
      state.candidate = nil
      state.letGo()
      state.phase = .broken(reason)
      let alarm = state.alarm
      state.alarm = nil
      return (alarm, state.takeQuestions { _ in true })
    }
    answer(questions, .failure(reason))
    alarm?.set(nil)
  }

  func log(_ text: String, isFromHost: Bool = true) {
    house.log(PolicyMessage(path: path, text: text, isFromHost: isFromHost))
  }

  /// For how long an answer is waited for.
  var budget: Duration { house.budget.time(for: entry) }

  var patience: Duration { budget + house.budget.grace }

  // MARK: - From the host

  /// - Parameter changes: by UUID.
  func apply(_ changes: [String: KernelRowChange]) {
    state.withLock { state in
      state.keep(changes)
      state.worker?.add(.changes(changes))
      state.candidate?.add(.changes(changes))
    }
  }

  func ask(_ question: PolicyQuestion, _ reply: @escaping Reply) {
    let now = luaNow()
    let refusal: Outcome? = state.withLock { state in
      state.calls += 1
      guard !state.phase.isOut, let worker = state.worker ?? state.candidate else {
        state.fallbacks += 1
        return Outcome(result: .unavailable(state.phase.complaint(name)), hash: state.version.hash)
      }
      state.questions.append(
        PolicyState.Question(
          number: state.calls, question: question, limit: now + (patience + Self.queueing).nanoseconds, worker: worker,
          hash: state.version.hash, reply: reply))
      state.setAlarm(patience)
      worker.add(.question(number: state.calls, question))
      return nil
    }
    if let refusal { reply(refusal) }
  }

  /// The answer could not be carried out: the host says why.
  func blame(_ why: String) {
    state.withLock { state in
      state.fallbacks += 1
      state.failed(why)
    }
    log("its answer could not be carried out: \(why)")
  }

  /// Of a shadow: another policy's answer counted, and this one's was different.
  func disagreed(_ what: String) {
    state.withLock { state in
      state.disagreements += 1
      state.lastDisagreement = what
    }
  }

  func summary() -> PolicySummary {
    state.withLock { state in
      var summary = PolicySummary(
        entry: entry.rawValue, path: path, hash: state.version.hash, state: state.phase.name, calls: state.calls,
        fallbacks: state.fallbacks, lastError: state.lastError)
      summary.isShadow = isShadow
      summary.loadedAt = state.version.loadedAt
      summary.fileProblem = state.fileProblem
      summary.p50 = state.durations.percentile(0.5)
      summary.p99 = state.durations.percentile(0.99)
      summary.disagreements = state.disagreements
      summary.lastDisagreement = state.lastDisagreement
      return summary
    }
  }

  // MARK: - From the worker's thread

  /// Whether the question still waits for an answer from this worker.
  func begin(_ number: Int, _ worker: PolicyWorker) -> Bool {
    let now = luaNow()
    return state.withLock { state in
      guard state.questions.contains(where: { $0.number == number && $0.worker === worker }) else { return false }
      state.running = (number, since: now, worker)
      return true
    }
  }

  func finish(_ number: Int, _ worker: PolicyWorker, _ verdict: Verdict, _ duration: Duration) {
    let (questions, hash, isFirstSince) = state.withLock { state in
      guard state.running?.worker === worker else { return ([PolicyState.Question](), "", false) }
      state.running = nil
      let questions = state.takeQuestions { $0.number == number && $0.worker === worker }
      let hash = questions.first?.hash ?? ""
      state.count(verdict, duration, by: worker)
      state.setAlarm(patience)
      defer { state.isDirty = true }
      return (questions, hash, !state.isDirty)
    }
    if case .failure(let what) = verdict { log("it failed: \(what)") }
    for question in questions { question.reply(Outcome(result: .verdict(verdict), hash: hash, duration: duration)) }
    if isFirstSince { house.later(Self.checkpointEvery) { [weak self] in self?.askForCheckpoint() } }
  }

  private func askForCheckpoint() {
    state.withLock { state in
      state.isDirty = false
      state.worker?.add(.checkpoint(done: nil))
    }
  }

  /// Keeps the memory as it is now; gives up on a worker that does not come back.
  func checkpointed() async {
    await withCheckedContinuation { continuation in
      let box = Once(continuation)
      guard let worker = state.withLock(\.worker) else { return box.resume() }
      worker.add(.checkpoint { box.resume() })
      house.later(500_000_000) { box.resume() }
    }
  }

  /// What the policy's memory is by now; written on the house's thread.
  func checkpoint(_ worker: PolicyWorker, _ memory: [UInt8]) {
    let isNews = state.withLock { state in
      let isKnown = state.worker === worker || state.retiring.contains { $0 === worker }
      guard isKnown, state.memory != memory else { return false }
      state.memory = memory
      return true
    }
    guard isNews, house.store != nil else { return }
    house.later(0) { [weak self] in self?.keep(.memory, memory) }
  }

  /// The last one has handed its memory to the next.
  func handedOver(_ worker: PolicyWorker) { state.withLock { $0.ended(worker) } }

  func keep(_ kind: PolicyStore.Kind, _ bytes: [UInt8]) {
    do throws(PolicyError) { try house.store?.write(kind, of: key, bytes) } catch {
      log("what should outlive the host cannot be kept: \(error.description)")
    }
  }

  // MARK: - What goes wrong

  /// On the watchdog's thread: answers for those who have waited long enough, and gives a thread up that does not come
  /// back. Nothing can end such a thread; it ends when it comes back.
  private func lookForLate() {
    let now = luaNow()
    let (late, running, isStuck) = state.withLock { state in
      let running = state.running
      let isStuck = running.map { now - $0.since >= patience.nanoseconds } ?? false
      let late = state.takeQuestions { $0.limit <= now || isStuck && $0.number == running?.number }
      state.fallbacks += late.count
      if isStuck { giveUp(running!.worker, &state) } else { state.setAlarm(patience) }
      return (late, running?.number, isStuck)
    }
    for question in late {
      let isRunning = question.number == running
      let what = isRunning ? "it did not come back" : "its turn did not come"
      let waited = isRunning ? patience : patience + Self.queueing
      answer([question], .failure("\(name): \(what) within \(waited.milliseconds) ms"))
    }
    guard isStuck else { return }
    log("it did not come back within \(patience.milliseconds) ms; its state is given up")
    let text: [UInt8]? = state.withLock { state in
      guard state.worker == nil, !state.phase.isOut else { return nil }
      guard let candidate = state.candidate else { return state.version.text }
      // What is being loaded already takes its place; to load the old text now would lose a change of the file.
      state.inherit(candidate)
      return nil
    }
    if let text { load(.text(text)) }
  }

  private func giveUp(_ worker: PolicyWorker, _ state: inout PolicyState) {
    state.failed("it did not come back within \(patience.milliseconds) ms")
    state.running = nil
    if worker === state.worker { state.letGo() } else { state.ended(worker) }
    state.setAlarm(patience)
  }

  func answer(_ questions: [PolicyState.Question], _ verdict: Verdict) {
    for question in questions {
      question.reply(Outcome(result: .verdict(verdict), hash: question.hash, duration: budget))
    }
  }
}

/// A continuation that two may resume: the first does.
private final class Once: Sendable {
  private let continuation: Mutex<CheckedContinuation<Void, Never>?>

  init(_ continuation: CheckedContinuation<Void, Never>) { self.continuation = Mutex(continuation) }

  func resume() {
    let waiting = continuation.withLock { waiting in
      defer { waiting = nil }
      return waiting
    }
    waiting?.resume()
  }
}

extension Duration {
  /// For people: without a fraction where there is none.
  var milliseconds: String {
    let value = seconds * 1000
    return value == value.rounded() ? "\(Int(value))" : "\(value)"
  }
}
