// What goes wrong in a simulated world, in kinds and one by one, so that a failure can be told with less of it.

enum FaultKind: UInt8, CaseIterable {
  case hostKilled, powerLost, hostPaused, clockJumps
  case diskFull, commitLost, filesUnreadable, exitUnrecorded
  case portTaken, launchFails, startFails, kernelDies, kernelHangs
  case newsLate, newsDoubled, newsLost, alarmLate
  case policySilent, hostMakesOthers
  /// No fault, but a request without which the story may be shorter.
  case request
}

/// All that makes a world: the same plot is the same story.
struct Plot {
  var seed: UInt64
  /// Events that the hosts take in before everything has to come to rest.
  var steps: Int
  /// Kinds that do not happen, and single ones that do not.
  var without: Set<FaultKind> = []
  var dropped: Set<Occurrence> = []
}

/// One fault of one world. It keeps its identity when others are left out, because what is drawn does not depend on what
/// was drawn before at other occasions.
struct Occurrence: Hashable, Comparable {
  /// What was happening, the how-manieth of its kind, and the how-manieth draw of it.
  let occasion: UInt8
  let number: UInt32
  let draw: UInt16

  static func < (a: Occurrence, b: Occurrence) -> Bool {
    (a.occasion, a.number, a.draw) < (b.occasion, b.number, b.draw)
  }
}

/// The source of chance and of faults.
struct Fate {
  private let plot: Plot
  private var occasions: [UInt32]
  private var occasion: UInt8 = 0
  private var draws: UInt16 = 0
  /// What happened, in order.
  private(set) var struck: [(Occurrence, FaultKind)] = []

  init(_ plot: Plot, occasions count: Int) {
    self.plot = plot
    occasions = Array(repeating: 0, count: count)
  }

  /// Something begins to happen: it has chances of its own.
  mutating func begin(_ kind: Int) -> SplitMix64 {
    occasions[kind] += 1
    (occasion, draws) = (UInt8(kind), 0)
    let mark = UInt64(kind) << 56 | UInt64(occasions[kind])
    return SplitMix64(seed: plot.seed ^ (mark &* 0xD1B5_4A32_D192_ED03))
  }

  /// True if the fault that was drawn is to happen.
  mutating func strikes(_ kind: FaultKind, _ isDrawn: Bool) -> Bool {
    guard isDrawn else { return false }
    draws &+= 1
    let occurrence = Occurrence(occasion: occasion, number: occasions[Int(occasion)], draw: draws)
    if plot.without.contains(kind) || plot.dropped.contains(occurrence) { return false }
    struck.append((occurrence, kind))
    return true
  }
}
