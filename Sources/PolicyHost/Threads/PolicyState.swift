// What is known of one policy; guarded by the lock of its owner.

import FleetEngine
import LuaRuntime

struct PolicyState {
  enum Phase {
    case loading
    case active
    /// It failed too often, at last so.
    case aside(String)
    /// It could not be loaded, because.
    case broken(String)

    /// As `fleet status` shows it.
    var name: String {
      switch self {
      case .loading: "loading"
      case .active: "active"
      case .aside: "set aside"
      case .broken: "broken"
      }
    }

    /// It will not be asked until its file changes.
    var isOut: Bool {
      switch self {
      case .loading, .active: false
      case .aside, .broken: true
      }
    }

    func complaint(_ name: String) -> String {
      switch self {
      case .loading, .active: "\(name) is being loaded"
      case .aside(let last):
        "\(name) is set aside after \(Policy.patience) failures in a row until the file changes; the last: \(last)"
      case .broken(let why): "\(name) cannot be used until the file changes: \(why)"
      }
    }
  }

  /// One that waits for its answer.
  struct Question {
    var number: Int
    var question: PolicyQuestion
    /// Nobody waits longer than this; nanoseconds of CLOCK_MONOTONIC.
    var limit: Int64
    /// Whom it was given to, and what that one runs.
    var worker: PolicyWorker
    var hash: String
    var reply: Policy.Reply
  }

  /// What runs, or ran last.
  struct Version {
    var hash = ""
    var text: [UInt8] = []
    /// Milliseconds since 1970.
    var loadedAt: Int64?
  }

  var phase = Phase.loading
  var version = Version()
  /// What is wrong with the file, while what was good before goes on.
  var fileProblem: String?
  /// Of the file that was loaded, or that could not be.
  var stamp: FileStamp?
  var worker: PolicyWorker?
  /// The one that is to take over, if what it loads is good.
  var candidate: PolicyWorker?
  /// Those before it, the oldest first, until they have handed their memory over: each to the next.
  var retiring: [PolicyWorker] = []
  var alarm: LuaAlarm?
  /// All rows, for a worker that has to begin anew.
  var rows: [String: KernelRow] = [:]
  var questions: [Question] = []
  /// What a worker works on.
  var running: (number: Int, since: Int64, worker: PolicyWorker)?
  /// As of the last checkpoint.
  var memory: [UInt8]?
  /// A checkpoint is due.
  var isDirty = false
  var calls = 0
  var fallbacks = 0
  var failuresInARow = 0
  var lastError: String?
  var durations = LatencyHistogram()
  /// Of a shadow: answers that differ from those that counted.
  var disagreements = 0
  var lastDisagreement: String?
  /// Who waits to hear what becomes of the candidate.
  var reloads: [@Sendable (String?) -> Void] = []

  mutating func keep(_ changes: [String: KernelRowChange]) {
    for (uuid, change) in changes { rows[uuid] = change.row }
  }

  /// What a new worker begins with.
  func firstChanges() -> PolicyWorker.Item { .changes(rows.mapValues(KernelRowChange.put)) }

  mutating func takeQuestions(where isTaken: (Question) -> Bool) -> [Question] {
    let taken = questions.filter(isTaken)
    if !taken.isEmpty { questions.removeAll(where: isTaken) }
    return taken
  }

  /// The alarm rings for the question that has waited longest, and for the worker if it does not come back.
  func setAlarm(_ patience: Duration) {
    let stuck = running.map { $0.since + patience.nanoseconds }
    let late = questions.first?.limit
    alarm?.set([stuck, late].compactMap(\.self).min())
  }

  mutating func count(_ verdict: Verdict, _ duration: Duration, by worker: PolicyWorker) {
    durations.add(duration)
    let isCurrent = worker === self.worker
    if case .failure(let what) = verdict {
      fallbacks += 1
      if isCurrent { failed(what) } else { lastError = what }
    } else if isCurrent {
      failuresInARow = 0
    }
  }

  mutating func failed(_ what: String) {
    lastError = what
    failuresInARow += 1
    guard failuresInARow >= Policy.patience else { return }
    phase = .aside(what)
    letGo()
  }

  /// The workers are on their own: they end when they come back.
  mutating func letGo() {
    for worker in retiring { worker.letGo() }
    worker?.letGo()
    worker = nil
    retiring = []
    running = nil
  }

  /// Its successor need not wait for it any longer.
  mutating func ended(_ old: PolicyWorker) {
    guard let index = retiring.firstIndex(where: { $0 === old }) else { return }
    retiring.remove(at: index)
    old.letGo()
    let successor = index < retiring.count ? retiring[index] : worker
    successor?.begin(memory: memory)
  }

  /// Questions of workers that are gone go to this one.
  mutating func inherit(_ heir: PolicyWorker) {
    for index in questions.indices {
      let holder = questions[index].worker
      if holder === heir || holder === worker || retiring.contains(where: { $0 === holder }) { continue }
      questions[index].worker = heir
      heir.add(.question(number: questions[index].number, questions[index].question))
    }
  }
}
