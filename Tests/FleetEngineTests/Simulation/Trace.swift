// Events and effects as short lines, for the story of a failed simulation.
import FleetEngine

extension Event {
  /// Comes all the time, and rarely means anything.
  var isChatter: Bool {
    switch self {
    case .heartbeat, .activity, .connections, .samples: true
    default: false
    }
  }

  var short: String {
    switch self {
    case .command(let ticket, let command): "\(ticket.number): \(command.short)"
    case .launched(let id, let generation, _): "launched \(id).\(generation)"
    case .launchFailed(let id, let generation, let failure): "launchFailed \(id).\(generation) \(failure.reason)"
    case .ready(let id, let generation): "ready \(id).\(generation)"
    case .exited(let id, let generation, let info): "exited \(id).\(generation) \(info.reason(limits: Limits()))"
    case .heartbeat(let id, let generation, let alive): "heartbeat \(id).\(generation) \(alive)"
    case .activity(let id, let generation, let busy): "activity \(id).\(generation) \(busy)"
    case .recovered(let found):
      "recovered " + found.map { "\($0.kernel.id).\($0.kernel.generation) \($0.kernel.status) \($0.fate)" }.description
    case .connections(let counts):
      "connections " + counts.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.description
    default: "\(self)"
    }
  }
}

extension Command {
  fileprivate var short: String {
    switch self {
    case .spawn(let new): "spawn \(new.id)"
    case .find(let wanted, let candidate):
      "find \(wanted.language ?? "") \(wanted.session ?? ""), or \(candidate.id)"
    default: "\(self)"
    }
  }
}

extension Effect {
  var short: String {
    switch self {
    case .answer(let ticket, .success(let reply)): "answer \(ticket.number): \(reply.short)"
    case .answer(let ticket, .failure(let error)): "answer \(ticket.number): \(error.code): \(error.message)"
    case .note(let note): "note \(note.kernel?.description ?? "") \(note.event): \(note.detail)"
    case .rows(let changes): "rows of \(changes.count)"
    case .wake(let at): "wake at \(Double(at.nanoseconds) / 1e9)"
    case .unwatch(let id): "unwatch \(id)"
    case .decided(let decision): "decided \(decision.id): \(decision.outcome) \(decision.clamps)"
    case .alerts(let changes): "alerts \(changes.map { "\($0.alert.condition.name) \($0.alert.state)" })"
    case .ask(let number, let question): "ask \(number) \(question.entry)"
    case .commit(let sequence, _, _): "\(brief ?? "") (\(sequence))"
    default: brief ?? ""
    }
  }
}

extension Reply {
  fileprivate var short: String {
    switch self {
    case .kernel(let kernel): "\(kernel.id) \(kernel.status)"
    case .found(let kernel, let decision): "\(kernel.id) \(kernel.status), \(decision.reason)"
    case .removed(let kernels): "removed \(kernels.map(\.id))"
    }
  }
}
