// Whether shadows agree with the answers that count.

import FleetEngine
import Synchronization

/// Collects the answers to one question: that of the live policies, and those of their shadows, in whatever order they
/// come.
final class ShadowComparison: Sendable {
  private struct State {
    var counted: PolicyAnswer?
    var heard: [(Policy, Policy.Outcome)] = []
  }

  private let state = Mutex(State())

  /// The answer that counts.
  func counted(_ answer: PolicyAnswer) {
    let waiting = state.withLock { state in
      state.counted = answer
      defer { state.heard = [] }
      return state.heard
    }
    for (shadow, outcome) in waiting { compare(shadow, outcome, answer) }
  }

  func heard(_ shadow: Policy, _ outcome: Policy.Outcome) {
    let counted = state.withLock { state in
      if state.counted == nil { state.heard.append((shadow, outcome)) }
      return state.counted
    }
    if let counted { compare(shadow, outcome, counted) }
  }

  /// A shadow without an opinion would have left the decision to others: nothing is to be compared. Nor is there where
  /// the live policies had none, or failed.
  private func compare(_ shadow: Policy, _ outcome: Policy.Outcome, _ live: PolicyAnswer) {
    guard case .verdict(let verdict) = outcome.result, let counted = live.answer else { return }
    switch verdict {
    case .noOpinion: return
    case .failure(let what): shadow.disagreed("it failed (\(what)), where the answer was: \(counted.summary)")
    case .answer(let answer, _):
      if answer != counted { shadow.disagreed("\(answer.summary), where the answer was: \(counted.summary)") }
    }
  }
}
