// The policy that a fixture asks: in its real sandbox, with rows as a host would give them.

import FleetEngine
import LuaRuntime
import PolicyHost
import Synchronization

/// A policy file that is loaded anew for each test, so that no test depends on another.
final class PolicyUnderTest {
  let path: String
  let name: String
  private let text: [UInt8]
  private let probe: ((Int) -> Void)?
  private let log = TestLog()
  private var policy: DirectPolicy?
  private var rows: [String: KernelRow] = [:]

  /// Enough for a policy whose every line is counted, on a busy machine; little enough to wait for an endless loop.
  static let patience = PolicyBudget(answer: .seconds(2), load: .seconds(5))

  /// - Parameters:
  ///   - text: the file's, or what it was rewritten to.
  init(path: String, text: [UInt8], probe: ((Int) -> Void)? = nil) {
    self.path = path
    name = AuthorFile(path: path, text: "").name
    self.text = text
    self.probe = probe
  }

  /// What it has logged since `begin`.
  var logged: [String] { log.lines }

  /// Forgets everything of the test before.
  func begin() {
    policy = nil
    rows = [:]
    log.removeAll()
  }

  /// Loads the file anew, as a host does when it has changed: what the policy has in `memory` stays.
  func reload() throws(PolicyError) {
    let memory = try loaded().memory
    policy = nil
    rows = [:]
    try loaded().restore(memory: memory)
  }

  @discardableResult
  func loaded() throws(PolicyError) -> DirectPolicy {
    if let policy { return policy }
    let log = log
    let made = try DirectPolicy(path: path, text: text, budget: Self.patience, log: { log.append($0) }, probe: probe)
    policy = made
    return made
  }

  /// Brings the fleet to this state.
  func show(_ fleet: [KernelRow]) throws(PolicyError) {
    var changes: [KernelRowChange] = []
    let present = Set(fleet.map(\.uuid))
    for uuid in rows.keys.sorted() where !present.contains(uuid) {
      changes.append(.remove(uuid))
      rows[uuid] = nil
    }
    for row in fleet where rows[row.uuid] != row {
      changes.append(.put(row))
      rows[row.uuid] = row
    }
    try loaded().apply(changes)
  }

  func ask(_ question: PolicyQuestion) throws(PolicyError) -> PolicyAnswer {
    let policy = try loaded()
    guard policy.entries.contains(question.entry) else {
      throw PolicyError("\(name) has no function '\(question.entry.rawValue)', so that there is nothing to ask")
    }
    return policy.ask(question)
  }
}

/// What a policy logs; it is told on the thread that asks, but promises to take it on any.
private final class TestLog: Sendable {
  private let kept = Mutex<[String]>([])

  var lines: [String] { kept.withLock { $0 } }

  func append(_ line: String) { kept.withLock { $0.append(line) } }

  func removeAll() { kept.withLock { $0.removeAll() } }
}
