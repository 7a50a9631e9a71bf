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
    var reply: Policy.Reply
  }

  var phase = Phase.loading
  var hash = ""
  /// Of the file that was loaded, or that could not be.
  var stamp: FileStamp?
  var nextLook: Int64 = 0
  var worker: PolicyWorker?
  var alarm: LuaAlarm?
  /// All rows, for a worker that has to begin anew.
  var rows: [String: KernelRow] = [:]
  var questions: [Question] = []
  /// What the worker works on.
  var running: (number: Int, since: Int64)?
  var calls = 0
  var fallbacks = 0
  var failuresInARow = 0
  var lastError: String?

  mutating func keep(_ changes: [KernelRowChange]) {
    for change in changes {
      switch change {
      case .put(let row): rows[row.uuid] = row
      case .remove(let uuid): rows[uuid] = nil
      }
    }
  }

  /// What a new worker begins with.
  func firstItems() -> [PolicyWorker.Item] {
    let puts = rows.values.sorted { $0.serial < $1.serial }.map(KernelRowChange.put)
    return [.changes(puts)] + questions.map { .question(number: $0.number, $0.question) }
  }

  mutating func takeQuestions(where isTaken: (Question) -> Bool) -> [Question] {
    let taken = questions.filter(isTaken)
    if !taken.isEmpty { questions.removeAll(where: isTaken) }
    return taken
  }

  /// The alarm rings for the question that has waited longest, and for the worker if it does not come back.
  func setAlarm(_ budget: PolicyBudget) {
    let stuck = running.map { $0.since + (budget.route + budget.grace).nanoseconds }
    let late = questions.first?.limit
    alarm?.set([stuck, late].compactMap(\.self).min())
  }

  mutating func count(_ verdict: Verdict) {
    if case .failure(let what) = verdict {
      fallbacks += 1
      failed(what)
    } else {
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

  /// The worker is on its own: it ends when it comes back.
  mutating func letGo() {
    worker?.letGo()
    worker = nil
    running = nil
  }
}
