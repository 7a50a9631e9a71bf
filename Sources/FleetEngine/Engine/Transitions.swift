// The life of a kernel on one screen: status × trigger → what happens.

/// What can happen to a kernel.
enum Trigger: Hashable, CaseIterable {
  /// The row that says what is about to be done is on the disk, or could not be written.
  case intentSaved, intentLost
  case launched, launchFailed, ready, startTimedOut
  /// Code 0, or anything else.
  case exitedCleanly, crashed
  case heartbeatLost, heartbeatBack, becameBusy, becameIdle
  case stopAsked, stopOverdue, restartAsked, backoffOver
}

/// What the engine does about it. Every step sets the status that it leads to.
enum Step: Hashable {
  case ignore
  /// An effect was asked for, and the answer fits no status: a bug in the engine.
  case impossible
  case refuse(String)
  case launch, abandonStart, probe, tryNextPort, becomeReady, giveUpStart
  case exit, crash, finishStop
  case markUnhealthy, markHealthy, markBusy, markIdle
  case beginStop, joinStop, actOnStop, stopUnwritten, escalate, discard, restartLive, restartDead
}

extension Status {
  static let transitions: [Status: [Trigger: Step]] = [
    .starting: [
      .intentSaved: .launch, .intentLost: .abandonStart, .launched: .probe, .launchFailed: .tryNextPort,
      .ready: .becomeReady, .startTimedOut: .giveUpStart, .exitedCleanly: .crash, .crashed: .crash,
      .stopAsked: .beginStop, .restartAsked: .refuse("is starting; wait until it answers"),
    ],
    .idle: [
      .exitedCleanly: .exit, .crashed: .crash, .heartbeatLost: .markUnhealthy, .becameBusy: .markBusy,
      .stopAsked: .beginStop, .restartAsked: .restartLive,
    ],
    .busy: [
      .ready: .markIdle, .exitedCleanly: .exit, .crashed: .crash, .heartbeatLost: .markUnhealthy,
      .becameIdle: .markIdle, .stopAsked: .beginStop, .restartAsked: .restartLive,
    ],
    .unhealthy: [
      .ready: .markHealthy, .exitedCleanly: .exit, .crashed: .crash, .heartbeatBack: .markHealthy,
      .stopAsked: .beginStop, .restartAsked: .restartLive,
    ],
    .stopping: [
      .intentSaved: .actOnStop, .intentLost: .stopUnwritten, .launched: .actOnStop, .launchFailed: .finishStop,
      .exitedCleanly: .finishStop, .crashed: .finishStop, .stopAsked: .joinStop, .stopOverdue: .escalate,
      .restartAsked: .refuse("is stopping; spawn a new one"),
    ],
    .backoff: [.stopAsked: .discard, .restartAsked: .restartDead, .backoffOver: .restartDead],
    .exited: [.stopAsked: .discard, .restartAsked: .restartDead],
    .failed: [.stopAsked: .discard, .restartAsked: .restartDead],
    .unknown: [
      .exitedCleanly: .exit, .crashed: .crash, .stopAsked: .refuse("cannot be told from a stranger; see fleet doctor"),
      .restartAsked: .refuse("cannot be told from a stranger; see fleet doctor"),
    ],
  ]

  /// What a trigger does in this status; pairs that the table does not name are late news and ignored, except answers
  /// to effects that only a certain status asks for.
  func step(on trigger: Trigger) -> Step {
    if let step = Self.transitions[self]?[trigger] { return step }
    return trigger == .launched || trigger == .backoffOver ? .impossible : .ignore
  }
}
