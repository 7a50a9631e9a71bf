// Finds a shorter story of a failure: fewer steps, fewer kinds of faults, fewer faults and requests (Zeller and
// Hildebrandt's delta debugging), for as long as the world still fails.

struct Shrinker {
  /// Runs the world of a plot; how it failed, or nil, and what went wrong in it.
  typealias Trial = (Plot) -> (failure: Violation, events: Int, struck: [(Occurrence, FaultKind)])?

  private let trial: Trial
  private var trialsLeft: Int
  private(set) var plot: Plot
  private(set) var failure: Violation
  private(set) var struck: [(Occurrence, FaultKind)]
  private var events: Int

  /// Nil if the world of the plot does not fail.
  init?(_ plot: Plot, trials: Int, _ trial: @escaping Trial) {
    guard let first = trial(plot) else { return nil }
    self.trial = trial
    self.plot = plot
    trialsLeft = trials
    (failure, events, struck) = first
  }

  mutating func shrink() {
    var size = Int.max
    while size > struck.count, trialsLeft > 0 {
      size = struck.count
      dropSteps()
      dropKinds()
      dropOccurrences()
    }
  }

  /// Keeps the plot if its world fails.
  private mutating func attempt(_ shorter: Plot) -> Bool {
    guard trialsLeft > 0 else { return false }
    trialsLeft -= 1
    guard let outcome = trial(shorter) else { return false }
    plot = shorter
    (failure, events, struck) = outcome
    return true
  }

  private mutating func dropSteps() {
    var shorter = plot
    shorter.steps = min(plot.steps, events)
    _ = attempt(shorter)
    var cut = plot.steps / 2
    while cut > 0, trialsLeft > 0 {
      shorter = plot
      shorter.steps = max(1, plot.steps - cut)
      if !attempt(shorter) || plot.steps <= cut { cut /= 2 }
    }
  }

  private mutating func dropKinds() {
    for kind in FaultKind.allCases where struck.contains(where: { $0.1 == kind }) {
      var shorter = plot
      shorter.without.insert(kind)
      _ = attempt(shorter)
    }
  }

  /// Halves, quarters, … of what is left, each left out.
  private mutating func dropOccurrences() {
    var pieces = 2
    while trialsLeft > 0 {
      let list = struck.map(\.0)
      let size = max(1, (list.count + pieces - 1) / max(1, pieces))
      var isShorter = false
      var start = 0
      while start < list.count, trialsLeft > 0 {
        var shorter = plot
        shorter.dropped.formUnion(list[start..<min(list.count, start + size)])
        if attempt(shorter) { isShorter = true }
        start += size
      }
      if size == 1, !isShorter { return }
      pieces = isShorter ? max(2, pieces / 2) : min(pieces * 2, max(2, struck.count))
      if struck.isEmpty { return }
    }
  }
}
