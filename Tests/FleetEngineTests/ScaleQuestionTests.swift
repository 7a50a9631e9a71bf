// What scale policies are asked, and what becomes of silence.
import FleetEngine
import Testing

struct ScaleQuestionTests {
  private func fleet(_ minimum: Int = 0, warm: Int = 0) -> Harness {
    Harness.pooled(minimum, 8, warm: warm, entries: [.route, .scale]) { $0.downWindow = .zero }
  }

  private func view(_ fleet: Harness) -> PoolView? {
    if case .scale(let view) = fleet.lastSubject { view } else { nil }
  }

  @Test func thePoolIsDescribed() {
    let fleet = fleet(3)
    let ids = fleet.fill()
    fleet.connections([ids[0]: 1])
    _ = fleet.spawn(mayTakeWarm: true)
    _ = fleet.find(Requirements(language: "lua"))
    fleet.answer(.route(.wait(seconds: 30)))
    _ = fleet.find(Requirements(language: "python"))
    fleet.answer(.route(.wait(seconds: 30)))
    fleet.pass(.seconds(15))
    #expect(
      view(fleet)
        == PoolView(
          name: "p", minimum: 3, maximum: 8, warm: 0, kernels: 3, starting: 0, used: 2, free: 1, draining: 0,
          waiting: 1, arrivals: 1.0 / 15))
  }

  @Test func itIsAskedAtItsIntervalAndNotTwiceAtOnce() {
    let fleet = fleet()
    fleet.pass(.seconds(14))
    #expect(fleet.lastQuestion == 0)
    fleet.pass(.seconds(1))
    #expect(fleet.lastQuestion == 1)
    fleet.pass(.seconds(9))
    fleet.answer(.scale(ScaleAnswer(wanted: 2)))
    fleet.pass(.seconds(6))
    #expect(fleet.lastQuestion == 2)
  }

  @Test func whatWasChangedIsSaid() {
    let fleet = fleet()
    fleet.pass(.seconds(15))
    fleet.answer(.scale(ScaleAnswer(wanted: 7)), "a rush")
    #expect(fleet.decisions.last?.outcome == .scale(ScaleAnswer(wanted: 4)))
    #expect(fleet.decisions.last?.clamps == ["asked 7, allowed 4: at most 4 new per 15 s"])
    #expect(fleet.pool().wanted == 4)
    #expect(fleet.pool().reason == "a rush")
    #expect(fleet.notes(.scaled).last == "pool p: 0 → 4, a rush; asked 7, allowed 4: at most 4 new per 15 s")
    #expect(fleet.acts.last == "provide 4 p")
  }

  @Test(arguments: [true, false])
  func failureAndSilenceKeepThePresentNumber(isSilent: Bool) {
    let fleet = fleet(1)
    fleet.fill()
    fleet.pass(.seconds(15))
    fleet.answer(.scale(ScaleAnswer(wanted: 3)))
    fleet.fill()
    fleet.pass(.seconds(15))
    if isSilent { fleet.pass(.seconds(10)) } else { fleet.answer(nil, failure: "scale.lua:3: oops") }
    #expect(fleet.decisions.last?.isFallback == true)
    #expect(fleet.decisions.last?.outcome == .scale(ScaleAnswer(wanted: 3)))
    #expect(fleet.engine.kernels.values.count { !$0.isDraining } == 3)
    fleet.answer(.scale(ScaleAnswer(wanted: 0)))
    #expect(fleet.pool().wanted == 3, "an answer that comes too late, or twice, is none")
  }

  @Test func noOpinionIsTheNativeRule() {
    let fleet = fleet(0, warm: 2)
    fleet.fill()
    fleet.pass(.seconds(15))
    fleet.answer(nil, "never mind")
    #expect(fleet.decisions.last?.isFallback == false)
    #expect(fleet.decisions.last?.reason == "0 used and 2 warm, within 0…8")
    #expect(fleet.pool().wanted == 2)
  }

  @Test func anAnswerOfAnotherKindIsAFailure() {
    let fleet = fleet(1)
    fleet.fill()
    fleet.pass(.seconds(15))
    fleet.answer(.alert([]))
    #expect(fleet.decisions.last?.isFallback == true)
  }

  @Test func betweenAnswersOnlyRepairsAreMade() {
    let fleet = fleet(0, warm: 0)
    fleet.pass(.seconds(15))
    fleet.answer(.scale(ScaleAnswer(wanted: 2)))
    let ids = fleet.fill()
    for _ in 1...5 {
      fleet.pass(.seconds(15))
      fleet.answer(.scale(ScaleAnswer(wanted: 2)))
    }
    fleet.exited(ids[0], ExitInfo(code: 0))
    #expect(fleet.acts.contains("provide 1 p"), "two are wanted")
    _ = fleet.spawn(Specification(kernelspec: "lua", language: "lua", pool: "p"))
    #expect(fleet.engine.kernels.values.allSatisfy { !$0.isDraining }, "nobody asked the policy yet")
  }

  /// A slow scale policy holds up nobody.
  @Test func requestsAreRoutedMeanwhile() {
    let fleet = fleet(1)
    let id = fleet.fill()[0]
    fleet.pass(.seconds(15))
    let scale = fleet.lastQuestion
    let ticket = fleet.find()
    #expect(fleet.lastQuestion == scale + 1)
    fleet.answer(.route(.use(id.uuid)))
    #expect(fleet.kernel(ticket)?.id == id)
    fleet.reply(scale, .scale(ScaleAnswer(wanted: 2)))
    #expect(fleet.pool().wanted == 2)
    #expect(fleet.decisions.suffix(2).map(\.id) == [scale + 1, scale])
  }
}
