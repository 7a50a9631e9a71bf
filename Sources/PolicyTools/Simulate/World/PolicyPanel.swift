// The policies of a simulation or a replay: for each entry point the files that are asked in order, as a host asks them.
import FleetEngine
import PolicyHost

/// Asks on the caller's thread, so that the same questions get the same answers.
final class PolicyPanel {
  /// One file for one entry point, with the rows that it has not seen yet.
  private final class Seat {
    let policy: DirectPolicy
    /// The UUIDs that it knows.
    var known: Set<String> = []
    var rows: [String: KernelRowChange] = [:]
    /// In the order in which they changed first.
    var order: [String] = []
    var failuresInARow = 0

    init(_ policy: DirectPolicy) { self.policy = policy }

    func removeAll() {
      for uuid in known.union(order).sorted() {
        if rows.updateValue(.remove(uuid), forKey: uuid) == nil { order.append(uuid) }
      }
    }
  }

  /// So many failures in a row, and a policy is set aside.
  private static let patience = 5
  private let seats: [EntryPoint: [Seat]]

  /// As long as a policy needs, within reason: how fast this machine is must not show in what comes out.
  private static let budget: PolicyBudget = {
    var budget = PolicyBudget()
    budget.load = .seconds(2)
    budget.admit = .seconds(2)
    budget.route = .seconds(2)
    budget.scale = .seconds(2)
    budget.alert = .seconds(2)
    budget.restart = .seconds(2)
    return budget
  }()

  /// - Parameter paths: for each entry point the files in the order in which they are asked.
  /// - Throws: `PolicyError` if one of them is no policy, or has nothing to say there.
  init(
    _ paths: [EntryPoint: [String]], log: @escaping @Sendable (String) -> Void = { _ in }
  ) throws(PolicyError) {
    var seats: [EntryPoint: [Seat]] = [:]
    for entry in EntryPoint.allCases {
      for path in paths[entry] ?? [] {
        let policy = try DirectPolicy(path: path, budget: Self.budget, log: log)
        guard policy.entries.contains(entry) else {
          throw PolicyError("\(policy.name) has no function '\(entry.rawValue)', for which it is to be asked")
        }
        seats[entry, default: []].append(Seat(policy))
      }
    }
    self.seats = seats
  }

  /// Files of which each is asked about all that it has functions for.
  convenience init(
    files: [String], log: @escaping @Sendable (String) -> Void = { _ in }
  ) throws(PolicyError) {
    try self.init(try Self.paths(of: files), log: log)
  }

  /// The entry points that each file has functions for.
  static func paths(of files: [String]) throws(PolicyError) -> [EntryPoint: [String]] {
    var paths: [EntryPoint: [String]] = [:]
    for file in files {
      let policy = try DirectPolicy(path: file, budget: Self.budget)
      for entry in policy.entries { paths[entry, default: []].append(file) }
    }
    return paths
  }

  var entries: Set<EntryPoint> { Set(seats.keys) }

  /// Rows are brought up to date when the policy is asked next: what changes twice in between is told once.
  func apply(_ changes: [KernelRowChange]) {
    for seat in seats.values.joined() {
      for change in changes {
        let uuid =
          switch change {
          case .put(let row): row.uuid
          case .remove(let uuid): uuid
          }
        if seat.rows.updateValue(change, forKey: uuid) == nil { seat.order.append(uuid) }
      }
    }
  }

  /// A new host tells them everything anew.
  func forgetRows() {
    for seat in seats.values.joined() { seat.removeAll() }
  }

  func ask(_ question: PolicyQuestion) -> PolicyAnswer {
    var trail = PolicyAnswer()
    for seat in seats[question.entry] ?? [] {
      if seat.failuresInARow >= Self.patience {
        trail.failure = trail.failure ?? "\(seat.policy.name) is set aside after \(Self.patience) failures in a row"
        trail.policy = trail.policy ?? seat.policy.path
        trail.hash = trail.hash ?? seat.policy.hash
        continue
      }
      let answer = ask(question, seat)
      seat.failuresInARow = answer.failure == nil ? 0 : seat.failuresInARow + 1
      if answer.answer != nil || answer.failure != nil { return answer }
      trail.reason = answer.reason
      trail.duration += answer.duration
    }
    return trail
  }

  private func ask(_ question: PolicyQuestion, _ seat: Seat) -> PolicyAnswer {
    do throws(PolicyError) {
      if !seat.order.isEmpty {
        try seat.policy.apply(seat.order.map { seat.rows[$0]! })
        for uuid in seat.order {
          if case .put = seat.rows[uuid] { seat.known.insert(uuid) } else { seat.known.remove(uuid) }
        }
        seat.order.removeAll(keepingCapacity: true)
        seat.rows.removeAll(keepingCapacity: true)
      }
    } catch {
      return PolicyAnswer(policy: seat.policy.path, hash: seat.policy.hash, failure: error.description)
    }
    return seat.policy.ask(question)
  }
}
