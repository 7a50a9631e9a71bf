// What becomes of a wanted number of kernels.
import Testing

@testable import FleetEngine

struct ScalerTests {
  private static func at(_ seconds: Double) -> Instant { Instant(nanoseconds: Int64(seconds * 1e9)) }

  private static func pool(
    _ minimum: Int = 0, _ maximum: Int = 100, warm: Int = 0, _ change: (inout ScalingRules) -> Void = { _ in }
  ) -> Pool {
    var rules = ScalingRules()
    rules.downWindow = .zero
    change(&rules)
    return Pool(name: "p", minimum: minimum, maximum: maximum, warm: warm, scaling: rules)
  }

  private func settle(
    _ scaler: inout Scaler, _ asked: Int, of kernels: Int, used: Int = 0, at seconds: Double = 0
  ) -> Scaler.Verdict {
    scaler.settle(asked: asked, Scaler.Present(kernels: kernels, used: used), Self.at(seconds))
  }

  @Test(arguments: [(11, 10), (9, 10), (12, 12), (8, 8), (10, 10)])
  func smallDifferencesAreIgnored(asked: Int, wanted: Int) {
    var scaler = Scaler(Self.pool())
    let verdict = settle(&scaler, asked, of: 10)
    #expect(verdict.wanted == wanted)
    #expect(
      verdict.clamps == (asked == wanted ? [] : ["asked \(asked), allowed 10: within 10 % of the present number"]))
  }

  @Test func fromNothingEveryDifferenceCounts() {
    var scaler = Scaler(Self.pool())
    #expect(settle(&scaler, 1, of: 0).wanted == 1)
  }

  @Test func theBoundsHold() {
    var scaler = Scaler(Self.pool(2, 8))
    let high = settle(&scaler, 20, of: 6)
    #expect(high.wanted == 8)
    #expect(high.clamps == ["asked 20, allowed 8: the pool's maximum"])
    let low = settle(&scaler, -3, of: 6)
    #expect(low.wanted == 2)
    #expect(low.clamps == ["asked -3, allowed 2: the pool's minimum"])
    #expect(settle(&scaler, .max, of: 6).wanted == 8)
    #expect(settle(&scaler, .min, of: 6).wanted == 2)
  }

  @Test func upByFourOrTwice() {
    var scaler = Scaler(Self.pool())
    let few = settle(&scaler, 9, of: 2)
    #expect(few.wanted == 6)
    #expect(few.clamps == ["asked 9, allowed 6: at most 4 new per 15 s"])
    let many = settle(&scaler, 50, of: 10)
    #expect(many.wanted == 20)
    #expect(many.clamps == ["asked 50, allowed 20: at most 100 % new per 15 s"])
  }

  /// What was added within the period counts, so asking twice does not give twice as many.
  @Test func theStepIsPerPeriod() {
    var scaler = Scaler(Self.pool())
    #expect(settle(&scaler, 50, of: 2).wanted == 6)
    scaler.changed(by: 4, Self.at(0))
    #expect(settle(&scaler, 50, of: 6, at: 14.9).wanted == 6)
    #expect(settle(&scaler, 50, of: 6, at: 15).wanted == 12)
  }

  @Test func downByAStep() {
    var scaler = Scaler(Self.pool { $0.downStep = ScalingStep(count: 2, percent: 10, period: .seconds(60)) })
    let verdict = settle(&scaler, 0, of: 10)
    #expect(verdict.wanted == 8)
    #expect(verdict.clamps == ["asked 0, allowed 8: at most 2 fewer per 60 s"])
    scaler.changed(by: -2, Self.at(0))
    #expect(settle(&scaler, 0, of: 8, at: 59).wanted == 8)
    #expect(settle(&scaler, 0, of: 8, at: 60).wanted == 6)
    #expect(settle(&scaler, 0, of: 50, at: 200).wanted == 45)
  }

  @Test func withoutAStepAnythingGoes() {
    var scaler = Scaler(Self.pool { $0.upStep = ScalingStep() })
    #expect(settle(&scaler, 90, of: 1).wanted == 90)
  }

  @Test func downToTheHighestOfTheWindow() {
    var scaler = Scaler(Self.pool { $0.downWindow = .seconds(300) })
    // What is there at the beginning was wanted by somebody.
    let first = settle(&scaler, 2, of: 10, at: 0)
    #expect(first.wanted == 10)
    #expect(first.clamps == ["asked 2, allowed 10: the highest answer of the last 300 s"])
    #expect(settle(&scaler, 6, of: 10, at: 100).wanted == 10)
    #expect(settle(&scaler, 2, of: 10, at: 299).wanted == 10)
    #expect(settle(&scaler, 2, of: 10, at: 300).wanted == 6)
    #expect(settle(&scaler, 2, of: 6, at: 399).wanted == 6)
    #expect(settle(&scaler, 2, of: 6, at: 400).wanted == 2)
  }

  @Test func upToTheLowestOfTheWindow() {
    var scaler = Scaler(Self.pool { $0.upWindow = .seconds(60) })
    let first = settle(&scaler, 6, of: 2, at: 0)
    #expect(first.wanted == 2)
    #expect(first.clamps == ["asked 6, allowed 2: the lowest answer of the last 60 s"])
    #expect(settle(&scaler, 4, of: 2, at: 30).wanted == 2)
    #expect(settle(&scaler, 6, of: 2, at: 60).wanted == 4)
    #expect(settle(&scaler, 6, of: 4, at: 90).wanted == 6)
  }

  @Test func afterAChangeComesRest() {
    var scaler = Scaler(Self.pool { $0.cooldown = .seconds(40) })
    #expect(settle(&scaler, 3, of: 1).wanted == 3)
    scaler.changed(by: 2, Self.at(0))
    let verdict = settle(&scaler, 5, of: 3, at: 16)
    #expect(verdict.wanted == 3)
    #expect(verdict.clamps == ["asked 5, allowed 3: 24 s of the cooldown are left"])
    #expect(settle(&scaler, 5, of: 3, at: 40).wanted == 5)
  }

  @Test func theMaximumNeedsNeitherStepNorRest() {
    var resting = Scaler(Self.pool(0, 3) { $0.cooldown = .seconds(40) })
    resting.changed(by: 2, Self.at(0))
    #expect(settle(&resting, 0, of: 4, at: 1).wanted == 3)
    var slow = Scaler(Self.pool(0, 10) { $0.downStep = ScalingStep(count: 1, period: .seconds(60)) })
    #expect(settle(&slow, 0, of: 50).wanted == 9)
    var tolerant = Scaler(Self.pool(0, 10))
    #expect(settle(&tolerant, 11, of: 11).wanted == 10)
  }

  /// Neither tolerance nor cooldown keeps a pool from what it always has to have.
  @Test func warmOnesAreRefilledWhateverAPolicySays() {
    var scaler = Scaler(Self.pool(1, 8, warm: 2) { $0.cooldown = .seconds(40) })
    scaler.changed(by: 1, Self.at(0))
    let verdict = settle(&scaler, 3, of: 3, used: 3)
    #expect(verdict.wanted == 5)
    #expect(verdict.clamps == ["asked 3, allowed 5: 2 warm beside 3 used, within the maximum"])
    #expect(settle(&scaler, 3, of: 8, used: 8).wanted == 8)
  }

  // MARK: Without a policy

  @Test(arguments: [(0, 2), (1, 3), (3, 5), (7, 8), (9, 8)])
  func usedAndWarmWithinTheBounds(used: Int, wanted: Int) {
    var scaler = Scaler(Self.pool(1, 8, warm: 2))
    #expect(scaler.native(Scaler.Present(kernels: used, used: used), Self.at(0)).wanted == wanted)
  }

  @Test func theNeedOfTheWindowIsKept() {
    var scaler = Scaler(Self.pool(1, 8, warm: 1) { $0.downWindow = .seconds(300) })
    func native(_ kernels: Int, _ used: Int, _ seconds: Double) -> Scaler.Verdict {
      scaler.native(Scaler.Present(kernels: kernels, used: used), Self.at(seconds))
    }
    #expect(native(1, 0, 0).wanted == 1)
    #expect(native(1, 4, 10).wanted == 5)
    // Five were needed until now, however long ago that was said.
    let verdict = native(5, 1, 1000)
    #expect(verdict.wanted == 5)
    #expect(verdict.clamps == ["asked 2, allowed 5: as many were needed within the last 300 s"])
    #expect(native(5, 1, 1299).wanted == 5)
    #expect(native(5, 1, 1300).wanted == 2)
    #expect(native(2, 1, 1400).wanted == 2)
  }

  @Test func theExtremeOfAWindowIsThatOfAList() {
    var random = SplitMix64(seed: 7)
    var extremes = (Extreme(highestOf: .seconds(10)), Extreme(lowestOf: .seconds(10)))
    var all: [(value: Int, at: Instant)] = []
    for second in 0..<2000 {
      let now = Self.at(Double(second) * Double(1 + random.below(3)))
      let time = max(now, all.last?.at ?? now)
      all.append((random.below(50), time))
      let recent = all.filter { time - $0.at < .seconds(10) }.map(\.value)
      #expect(extremes.0.add(all.last!.value, time) == recent.max())
      #expect(extremes.1.add(all.last!.value, time) == recent.min())
    }
  }
}
