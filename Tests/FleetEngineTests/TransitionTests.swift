// Every cell of the transition table, driven through the engine by real events.
import Testing

@testable import FleetEngine

/// One named cell: what the kernel is afterwards; nil if it is gone.
private struct Cell: CustomTestStringConvertible, Sendable {
  let status: Status
  let trigger: Trigger
  let after: Status?

  var testDescription: String { "\(status.rawValue) × \(trigger) → \(after?.rawValue ?? "gone")" }
}

private let cells: [Cell] = [
  (.starting, .intentSaved, .starting), (.starting, .intentLost, nil), (.starting, .launched, .starting),
  (.starting, .launchFailed, nil), (.starting, .ready, .idle), (.starting, .startTimedOut, .stopping),
  (.starting, .exitedCleanly, nil), (.starting, .crashed, nil), (.starting, .stopAsked, .stopping),
  (.starting, .restartAsked, .starting),

  (.idle, .exitedCleanly, .exited), (.idle, .crashed, .backoff), (.idle, .heartbeatLost, .unhealthy),
  (.idle, .becameBusy, .busy), (.idle, .stopAsked, .stopping), (.idle, .restartAsked, .stopping),

  (.busy, .ready, .idle), (.busy, .exitedCleanly, .exited), (.busy, .crashed, .backoff),
  (.busy, .heartbeatLost, .unhealthy), (.busy, .becameIdle, .idle), (.busy, .stopAsked, .stopping),
  (.busy, .restartAsked, .stopping),

  (.unhealthy, .ready, .idle), (.unhealthy, .exitedCleanly, .exited), (.unhealthy, .crashed, .backoff),
  (.unhealthy, .heartbeatBack, .idle), (.unhealthy, .stopAsked, .stopping), (.unhealthy, .restartAsked, .stopping),

  (.stopping, .intentSaved, .stopping), (.stopping, .intentLost, .stopping), (.stopping, .launched, .stopping),
  (.stopping, .launchFailed, nil), (.stopping, .exitedCleanly, nil), (.stopping, .crashed, nil),
  (.stopping, .stopAsked, .stopping), (.stopping, .stopOverdue, .stopping), (.stopping, .restartAsked, .stopping),

  (.backoff, .stopAsked, nil), (.backoff, .restartAsked, .starting), (.backoff, .backoffOver, .starting),
  (.exited, .stopAsked, nil), (.exited, .restartAsked, .starting),
  (.failed, .stopAsked, nil), (.failed, .restartAsked, .starting),

  (.unknown, .exitedCleanly, .exited), (.unknown, .crashed, .backoff), (.unknown, .stopAsked, .unknown),
  (.unknown, .restartAsked, .unknown),
].map { Cell(status: $0, trigger: $1, after: $2) }

struct TransitionTests {
  @Test func everyNamedCellIsTestedHere() {
    let named = Set(Status.transitions.flatMap { status, row in row.keys.map { "\(status) × \($0)" } })
    #expect(named == Set(cells.map { "\($0.status) × \($0.trigger)" }))
  }

  @Test(arguments: cells) private func cell(_ cell: Cell) {
    let (fleet, id) = prepare(cell.status, for: cell.trigger)
    #expect(fleet.status(id) == cell.status)
    apply(cell.trigger, to: fleet, id)
    #expect(fleet.status(id) == cell.after)
  }

  /// Only what the engine itself asked for cannot be late news.
  @Test func whatIsNotNamedIsIgnored() {
    for status in Status.allCases {
      for trigger in Trigger.allCases where Status.transitions[status]?[trigger] == nil {
        let expected: Step = trigger == .launched || trigger == .backoffOver ? .impossible : .ignore
        #expect(status.step(on: trigger) == expected)
      }
    }
  }

  /// A kernel in `status`, with whatever `trigger` answers still open.
  private func prepare(_ status: Status, for trigger: Trigger) -> (Harness, KernelID) {
    let fleet = Harness()
    let isIntent = trigger == .intentSaved || trigger == .intentLost
    let isLaunch = trigger == .launched || trigger == .launchFailed
    switch status {
    case .starting:
      fleet.commitsByItself = !isIntent
      let (id, _) = fleet.spawn()
      if !isIntent, !isLaunch { fleet.launched(id) }
      return (fleet, id)
    case .stopping where isLaunch:
      let (id, _) = fleet.spawn()
      _ = fleet.stop(id)
      return (fleet, id)
    case .unknown:
      let kernel = Kernel(id: .number(1), serial: 1, specification: .lua, key: "", port: 9555)
      fleet.send(.recovered([Recovered(kernel: kernel, fate: .unknown("a stranger holds its lock"))]))
      return (fleet, .number(1))
    default:
      let id = fleet.idleKernel()
      fleet.commitsByItself = !isIntent
      bring(fleet, id, to: status)
      return (fleet, id)
    }
  }

  private func bring(_ fleet: Harness, _ id: KernelID, to status: Status) {
    switch status {
    case .busy: fleet.activity(id, busy: true)
    case .unhealthy: for _ in 1...3 { fleet.heartbeat(id, alive: false) }
    case .stopping: _ = fleet.stop(id)
    case .backoff: fleet.exited(id)
    case .exited: fleet.exited(id, ExitInfo(code: 0))
    case .failed:
      for _ in 1...4 {
        fleet.exited(id)
        fleet.pass(.seconds(4))
        fleet.start(id)
      }
      fleet.exited(id)
    case .starting, .idle, .unknown: break
    }
  }

  private func apply(_ trigger: Trigger, to fleet: Harness, _ id: KernelID) {
    switch trigger {
    case .intentSaved: fleet.commit(fleet.commits[0])
    case .intentLost: fleet.failCommit(fleet.commits[0])
    case .launched: fleet.launched(id)
    case .launchFailed:
      fleet.send(.launchFailed(id, generation: fleet[id].generation, LaunchFailure(reason: "no memory")))
    case .ready: fleet.ready(id)
    case .startTimedOut: fleet.pass(.seconds(60))
    case .exitedCleanly: fleet.exited(id, ExitInfo(code: 0))
    case .crashed: fleet.exited(id)
    case .heartbeatLost: for _ in 1...3 { fleet.heartbeat(id, alive: false) }
    case .heartbeatBack: fleet.heartbeat(id, alive: true)
    case .becameBusy: fleet.activity(id, busy: true)
    case .becameIdle: fleet.activity(id, busy: false)
    case .stopAsked: _ = fleet.stop(id)
    case .stopOverdue: fleet.pass(.seconds(5))
    case .restartAsked: _ = fleet.command(.restart(id))
    case .backoffOver: fleet.pass(.milliseconds(500))
    }
  }
}
