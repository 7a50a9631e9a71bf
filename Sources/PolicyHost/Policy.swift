// One policy file: what it is asked, how it fares, and what becomes of it when it fails.

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
  /// How often a file that is not in use is looked at, in nanoseconds.
  private static let lookEvery: Int64 = 1_000_000_000

  let path: String
  /// The file's name: what positions in errors begin with.
  let name: String
  let budget: PolicyBudget
  private let entry: String
  private let logMessage: @Sendable (PolicyMessage) -> Void
  private let firstLoad = LuaEvent()
  private let state = Mutex(PolicyState())

  init(entry: String, path: String, budget: PolicyBudget, log: @escaping @Sendable (PolicyMessage) -> Void) {
    self.entry = entry
    self.path = path
    self.budget = budget
    name = path.split(separator: "/").last.map(String.init) ?? path
    logMessage = log
    do throws(LuaError) {
      let alarm = try LuaAlarm { self.lookForLate() }
      state.withLock { $0.alarm = alarm }
      load()
    } catch {
      state.withLock { $0.phase = .broken(error.message) }
      firstLoad.signal()
    }
  }

  func waitUntilLoaded() { firstLoad.wait() }

  /// Ends its thread.
  func stop() {
    let reason = "the host has stopped"
    let (alarm, questions) = state.withLock { state in
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
    logMessage(PolicyMessage(path: path, text: text, isFromHost: isFromHost))
  }

  // MARK: - From the host

  func apply(_ changes: [KernelRowChange]) {
    state.withLock { state in
      state.keep(changes)
      state.worker?.add(.changes(changes))
    }
  }

  func ask(_ question: PolicyQuestion, _ reply: @escaping Reply) {
    lookForChange()
    let now = luaNow()
    let refusal: Outcome? = state.withLock { state in
      state.calls += 1
      guard !state.phase.isOut, let worker = state.worker else {
        state.fallbacks += 1
        return Outcome(result: .unavailable(state.phase.complaint(name)), hash: state.hash)
      }
      state.questions.append(
        PolicyState.Question(
          number: state.calls, question: question, limit: now + (budget.route + budget.grace).nanoseconds,
          reply: reply))
      state.setAlarm(budget)
      worker.add(.question(number: state.calls, question))
      return nil
    }
    if let refusal { reply(refusal) }
  }

  func summary() -> PolicySummary {
    state.withLock {
      PolicySummary(
        entry: entry, path: path, hash: $0.hash, state: $0.phase.name, calls: $0.calls, fallbacks: $0.fallbacks,
        lastError: $0.lastError)
    }
  }

  // MARK: - From the worker's thread

  /// It reads the file, which bears this stamp: a change from now on is seen as one.
  func opens(_ worker: PolicyWorker, _ stamp: FileStamp?) {
    state.withLock { state in
      if state.worker === worker { state.stamp = stamp }
    }
  }

  func loaded(_ worker: PolicyWorker, _ hash: String) {
    state.withLock { state in
      guard state.worker === worker else { return }
      state.hash = hash
      state.phase = .active
    }
    firstLoad.signal()
  }

  /// The worker has ended by itself: the file does not load, or there is no memory for the rows.
  func broke(_ worker: PolicyWorker, _ reason: String) {
    let abandoned: [PolicyState.Question] = state.withLock { state in
      guard state.worker === worker else { return [] }
      state.worker = nil
      state.phase = .broken(reason)
      state.lastError = reason
      return state.takeQuestions { _ in true }
    }
    log("the policy cannot be used: \(reason)")
    firstLoad.signal()
    answer(abandoned, .failure(reason))
  }

  /// Whether the question still waits for an answer from this worker.
  func begin(_ number: Int, _ worker: PolicyWorker) -> Bool {
    let now = luaNow()
    return state.withLock { state in
      guard state.worker === worker, state.questions.contains(where: { $0.number == number }) else { return false }
      state.running = (number, since: now)
      return true
    }
  }

  func finish(_ number: Int, _ worker: PolicyWorker, _ verdict: Verdict, _ duration: Duration) {
    let (questions, hash) = state.withLock { state in
      guard state.worker === worker else { return ([PolicyState.Question](), "") }
      state.running = nil
      let questions = state.takeQuestions { $0.number == number }
      state.count(verdict)
      state.setAlarm(budget)
      return (questions, state.hash)
    }
    if case .failure(let what) = verdict { log("it failed: \(what)") }
    for question in questions { question.reply(Outcome(result: .verdict(verdict), hash: hash, duration: duration)) }
  }

  // MARK: - What goes wrong

  /// On the watchdog's thread: answers for those who have waited long enough, and gives a thread up that does not come
  /// back. Nothing can end such a thread; it ends when it comes back.
  private func lookForLate() {
    let now = luaNow(), most = budget.route + budget.grace
    let (late, running, isStuck) = state.withLock { state in
      let late = state.takeQuestions { $0.limit <= now }
      let running = state.running
      let isStuck = running.map { now - $0.since >= most.nanoseconds } ?? false
      state.fallbacks += late.count
      if isStuck { state.failed("it did not come back within \(most.milliseconds) ms") }
      if isStuck { state.letGo() } else { state.setAlarm(budget) }
      return (late, running?.number, isStuck)
    }
    for question in late {
      let what = question.number == running ? "it did not come back" : "its turn did not come"
      answer([question], .failure("\(name): \(what) within \(most.milliseconds) ms"))
    }
    guard isStuck else { return }
    log("it did not come back within \(most.milliseconds) ms; its state is given up")
    load(unlessAside: true)
  }

  private func answer(_ questions: [PolicyState.Question], _ verdict: Verdict) {
    let hash = state.withLock { $0.hash }
    for question in questions {
      question.reply(Outcome(result: .verdict(verdict), hash: hash, duration: budget.route))
    }
  }

  // MARK: - Loading

  /// Starts a worker, which reads the file, with all rows and the questions that are still open.
  private func load(unlessAside: Bool = false) {
    do throws(LuaError) {
      try state.withLock { state throws(LuaError) in
        if unlessAside, case .aside = state.phase { return }
        state.phase = .loading
        let worker = PolicyWorker(state.firstItems())
        state.worker = worker
        try worker.start(self)
      }
    } catch {
      state.withLock { state in
        state.worker = nil
        state.phase = .broken(error.message)
        state.lastError = error.message
      }
      log("the policy cannot be used: \(error.message)")
      firstLoad.signal()
    }
  }

  /// A policy that is not in use is loaded again when its file has changed.
  private func lookForChange() {
    let now = luaNow()
    let isDue = state.withLock { state in
      guard state.phase.isOut, now >= state.nextLook else { return false }
      state.nextLook = now + Self.lookEvery
      guard FileStamp(path: path) != state.stamp else { return false }
      state.failuresInARow = 0
      return true
    }
    if isDue { load() }
  }
}

extension Duration {
  /// For people: without a fraction where there is none.
  var milliseconds: String {
    let value = seconds * 1000
    return value == value.rounded() ? "\(Int(value))" : "\(value)"
  }
}
