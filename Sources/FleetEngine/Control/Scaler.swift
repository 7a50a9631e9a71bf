// What becomes of a wanted number of kernels: the rules of the Kubernetes Horizontal Pod Autoscaler, in its order:
// tolerance, stabilisation windows, then the bounds and the step.

package struct Scaler: Sendable {
  package struct Verdict: Hashable {
    package var wanted: Int
    /// What was changed, in words.
    package var clamps: [String] = []

    mutating func limit(to allowed: Int, _ why: String) {
      guard allowed != wanted else { return }
      clamps.append("asked \(wanted), allowed \(allowed): \(why)")
      wanted = allowed
    }
  }

  /// The state of the pool at the time of an answer.
  package struct Present {
    var kernels: Int
    var used: Int

    package init(kernels: Int, used: Int) {
      self.kernels = kernels
      self.used = used
    }
  }

  private let pool: Pool
  private var lowest: Extreme
  private var highest: Extreme
  private var changes: [(by: Int, at: Instant)] = []
  /// What the native rule wanted last, and so wants until it wants something else.
  private var standing: Int?

  package init(_ pool: Pool) {
    self.pool = pool
    lowest = Extreme(lowestOf: pool.scaling.upWindow)
    highest = Extreme(highestOf: pool.scaling.downWindow)
  }

  /// The number below which repairs begin at once, whatever a policy says: the minimum, and `warm` beside those used.
  func floor(used: Int) -> Int {
    min(pool.maximum, max(pool.minimum, pool.warm > 0 ? used + pool.warm : 0))
  }

  /// What the native rule aims at.
  func needed(used: Int) -> Int { min(pool.maximum, max(pool.minimum, used + pool.warm)) }

  /// Without a policy: `used` and `warm` more, within the bounds; up at once, down to the highest of the window.
  package mutating func native(_ present: Present, _ now: Instant) -> Verdict {
    let needed = needed(used: present.used)
    begin(present, now)
    if let standing { _ = highest.add(standing, now) }
    standing = needed
    let high = highest.add(needed, now)
    var verdict = Verdict(wanted: needed)
    let kept = max(needed, min(present.kernels, high, pool.maximum))
    verdict.limit(to: kept, "as many were needed within the last \(text(pool.scaling.downWindow))")
    return verdict
  }

  /// A policy's answer. `apply` has to be told what comes of it.
  package mutating func settle(asked: Int, _ present: Present, _ now: Instant) -> Verdict {
    let rules = pool.scaling
    // Neither step nor cooldown keeps what is above the maximum, as it is in Kubernetes. Kernels that the host is making
    // count, and clients may have filled the pool meanwhile.
    let current = min(present.kernels, pool.maximum)
    var verdict = Verdict(wanted: asked)
    begin(present, now)
    standing = nil
    if current > 0, abs(Double(asked) / Double(current) - 1) <= rules.tolerance + 1e-9 {
      let percent = Int(rules.tolerance * 100 + 0.5)
      verdict.limit(to: current, "within \(percent) % of the present number")
    }
    stabilize(&verdict, current, now)
    verdict.limit(to: min(verdict.wanted, pool.maximum), "the pool's maximum")
    verdict.limit(to: max(verdict.wanted, pool.minimum), "the pool's minimum")
    limitStep(&verdict, current, now)
    if let last = changes.last, now - last.at < rules.cooldown, verdict.wanted != current {
      verdict.limit(to: current, "\(text(rules.cooldown - (now - last.at))) of the cooldown are left")
    }
    let floor = floor(used: present.used)
    let isMinimum = floor == pool.minimum
    verdict.limit(
      to: max(verdict.wanted, floor),
      isMinimum ? "the pool's minimum" : "\(pool.warm) warm beside \(present.used) used, within the maximum")
    return verdict
  }

  /// The number of kernels is being changed by so many.
  package mutating func changed(by count: Int, _ now: Instant) {
    let rules = pool.scaling
    let longest = max(rules.upStep.period, rules.downStep.period, rules.cooldown)
    changes.removeAll { now - $0.at >= longest }
    if count != 0 { changes.append((count, now)) }
  }

  /// What is there at the beginning was wanted by somebody.
  private mutating func begin(_ present: Present, _ now: Instant) {
    guard highest.isEmpty else { return }
    _ = highest.add(present.kernels, now)
    _ = lowest.add(present.kernels, now)
  }

  private mutating func stabilize(_ verdict: inout Verdict, _ current: Int, _ now: Instant) {
    let (low, high) = (lowest.add(verdict.wanted, now), highest.add(verdict.wanted, now))
    let stable = min(max(current, low), high)
    let rules = pool.scaling
    verdict.limit(
      to: stable,
      stable > verdict.wanted
        ? "the highest answer of the last \(text(rules.downWindow))"
        : "the lowest answer of the last \(text(rules.upWindow))")
  }

  private func limitStep(_ verdict: inout Verdict, _ current: Int, _ now: Instant) {
    let rules = pool.scaling
    if verdict.wanted > current {
      let start = beginning(of: rules.upStep.period, current, now)
      guard let bound = widest(rules.upStep, start) else { return }
      let most = max(current, start + bound.count)
      verdict.limit(to: min(verdict.wanted, most), "at most \(bound.words) new per \(text(rules.upStep.period))")
    } else {
      let start = beginning(of: rules.downStep.period, current, now)
      guard let bound = widest(rules.downStep, start) else { return }
      let least = min(current, start - bound.count)
      verdict.limit(to: max(verdict.wanted, least), "at most \(bound.words) fewer per \(text(rules.downStep.period))")
    }
  }

  private func beginning(of period: Duration, _ current: Int, _ now: Instant) -> Int {
    current - changes.reduce(0) { $0 + (now - $1.at < period ? $1.by : 0) }
  }

  private func widest(_ step: ScalingStep, _ start: Int) -> (count: Int, words: String)? {
    let share = step.percent.map { percent in
      (count: (max(0, start) * min(percent, 1_000_000) + 99) / 100, words: "\(percent) %")
    }
    let count = step.count.map { (count: $0, words: "\($0)") }
    guard let share, let count else { return share ?? count }
    return share.count > count.count ? share : count
  }

  private func text(_ duration: Duration) -> String {
    let tenths = (duration.nanoseconds + 50_000_000) / 100_000_000
    return tenths % 10 == 0 ? "\(tenths / 10) s" : "\(tenths / 10).\(tenths % 10) s"
  }
}
