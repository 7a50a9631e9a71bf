// The shortening of a failure's story, on a made-up failure that needs three of two hundred faults and so many steps.
import Testing

struct ShrinkerTests {
  private static let all = (0..<200).map { number in
    let kinds = FaultKind.allCases
    return (Occurrence(occasion: 1, number: UInt32(number), draw: 1), kinds[number % kinds.count])
  }
  private static let needed: Set<UInt32> = [17, 94, 160]
  private static let neededSteps = 37

  private static func trial(
    of plot: Plot
  ) -> (failure: Violation, events: Int, struck: [(Occurrence, FaultKind)])? {
    let struck = all.filter { !plot.without.contains($0.1) && !plot.dropped.contains($0.0) }
    let isThere = needed.isSubset(of: struck.map(\.0.number))
    return isThere && plot.steps >= neededSteps ? (Violation("made up"), plot.steps, struck) : nil
  }

  @Test func whatIsNotNeededIsLeftOut() throws {
    var shrinker = try #require(Shrinker(Plot(seed: 1, steps: 2000), trials: 1000, Self.trial))
    #expect(shrinker.struck.count == 200)
    shrinker.shrink()
    #expect(Set(shrinker.struck.map(\.0.number)) == Self.needed)
    #expect(shrinker.plot.steps == Self.neededSteps)
    #expect(Self.trial(of: shrinker.plot) != nil)
  }

  @Test func theSearchIsBounded() throws {
    var trials = 0
    var shrinker = try #require(
      Shrinker(Plot(seed: 1, steps: 2000), trials: 25) { plot in
        trials += 1
        return Self.trial(of: plot)
      })
    shrinker.shrink()
    #expect(trials <= 26)
    #expect(shrinker.struck.count < 200)
    #expect(Self.trial(of: shrinker.plot) != nil)
  }

  @Test func whatDoesNotFailIsNotShrunk() {
    let shrinker = Shrinker(Plot(seed: 1, steps: 10), trials: 100, Self.trial)
    #expect(shrinker == nil)
  }
}
