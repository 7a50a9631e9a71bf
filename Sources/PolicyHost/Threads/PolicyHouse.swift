// What all policies of a host share.

import FleetEngine
import LuaRuntime

final class PolicyHouse: Sendable {
  let budget: PolicyBudget
  let store: PolicyStore?
  /// Runs the fixtures of a policy file with this text; says what fails.
  let rehearsal: (@Sendable (_ path: String, _ text: [UInt8]) -> String?)?
  let log: @Sendable (PolicyMessage) -> Void
  /// Nil where files cannot be watched.
  let watch: FileWatch?

  init(
    budget: PolicyBudget, store: PolicyStore?, rehearsal: (@Sendable (String, [UInt8]) -> String?)?, watch: FileWatch?,
    log: @escaping @Sendable (PolicyMessage) -> Void
  ) {
    self.budget = budget
    self.store = store
    self.rehearsal = rehearsal
    self.watch = watch
    self.log = log
  }

  /// Calls on the thread that watches files, where a slow disk holds nobody up.
  func later(_ delay: Int64, _ call: @escaping @Sendable () -> Void) { watch?.later(delay, call) }
}
