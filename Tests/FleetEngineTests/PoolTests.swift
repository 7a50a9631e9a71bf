// Pools without a policy: filled, used, refilled, shrunk, and what happens when their kernels do not start.
import FleetEngine
import Testing

extension Harness {
  /// With one pool named `p`.
  static func pooled(
    _ minimum: Int = 0, _ maximum: Int = 8, warm: Int = 0, entries: Set<EntryPoint> = [.route],
    _ change: (inout ScalingRules) -> Void = { _ in }
  ) -> Harness {
    var configuration = EngineConfiguration()
    configuration.entries = entries
    var rules = ScalingRules()
    change(&rules)
    configuration.pools = [Pool(name: "p", minimum: minimum, maximum: maximum, warm: warm, scaling: rules)]
    let fleet = Harness(configuration)
    fleet.send(.recovered([]))
    return fleet
  }

  /// Makes what the pool asked for and brings it to its first answer.
  @discardableResult
  func fill(_ specification: Specification = .lua) -> [KernelID] {
    let ids = provide("p", specification)
    for id in ids { start(id) }
    forget()
    return ids
  }

  /// A client comes and goes.
  func use(_ id: KernelID) {
    connections([id: 1])
    connections([:])
  }
}

struct PoolTests {
  @Test func theMinimumIsMade() {
    let fleet = Harness.pooled(3)
    #expect(fleet.acts == ["provide 3 p"])
    let ids = fleet.provide("p", .lua(name: "template"))
    #expect(ids.allSatisfy { fleet[$0].specification.pool == "p" && fleet[$0].specification.name == nil })
    ids.forEach(fleet.start)
    #expect(fleet.pool().view.free == 3)
    #expect(fleet.pool().wanted == 3)
    #expect(fleet.decisions.map(\.reason) == ["0 used and 0 warm, within 3…8"])
    #expect(fleet.notes(.scaled) == ["pool p: 0 → 3, 0 used and 0 warm, within 3…8"])
  }

  @Test func thereIsOneOrderAtATimeAndLateOnesAreCutToSize() {
    let fleet = Harness.pooled(2, 3, warm: 2)
    let made = fleet.candidate()
    let surplus = [fleet.candidate(), fleet.candidate(), fleet.candidate()]
    fleet.send(.provided(pool: "p", .success([made] + surplus)))
    #expect(fleet.engine.kernels.count == 2, "no more than are wanted")
    fleet.send(.provided(pool: "p", .success([fleet.candidate()])))
    #expect(fleet.engine.kernels.count == 2)
    fleet.send(.provided(pool: "nobody's", .success([fleet.candidate()])))
    #expect(fleet.engine.kernels.count == 2)
  }

  /// A kernel that is started to be retired at once is work for nothing.
  @Test func whatTimeMadeNeedlessIsNotStarted() {
    var configuration = EngineConfiguration()
    var rules = ScalingRules()
    rules.downWindow = .seconds(10)
    configuration.pools = [Pool(name: "p", maximum: 3, warm: 2, scaling: rules)]
    let fleet = Harness(configuration)
    let rows = Self.rows(2)
    fleet.send(.recovered(rows))
    #expect(fleet.acts.contains("provide 1 p"), "who does not answer yet counts as busy")
    for row in rows { fleet.ready(row.kernel.id) }
    fleet.pass(.seconds(11))
    let third = NewKernel(id: .number(3), key: "", specification: .lua)
    fleet.send(.provided(pool: "p", .success([third])))
    #expect(fleet.notes(.spawned) == [])
    #expect(fleet.pool().wanted == 2)
  }

  @Test func warmOnesAreRefilledWhenSomebodyTakesOne() {
    let fleet = Harness.pooled(0, 4, warm: 2)
    let ids = fleet.fill()
    #expect(ids.count == 2)
    fleet.connections([ids[0]: 1, ids[1]: 1])
    #expect(fleet.acts.filter { $0.hasPrefix("provide") } == ["provide 2 p"])
    fleet.fill()
    #expect(fleet.pool().view.kernels == fleet.pool().view.used + 2)
  }

  @Test func theMaximumHolds() {
    let fleet = Harness.pooled(0, 3, warm: 2)
    let ids = fleet.fill()
    fleet.connections([ids[0]: 1, ids[1]: 1])
    let more = fleet.fill()
    #expect(more.count == 1)
    fleet.connections([ids[0]: 1, ids[1]: 1, more[0]: 1])
    #expect(!fleet.acts.contains { $0.hasPrefix("provide") }, "three are three")
    #expect(fleet.pool().wanted == 3)
  }

  @Test func itShrinksAfterItsWindowToWhatIsNeeded() {
    let fleet = Harness.pooled(1, 8, warm: 1)
    let first = fleet.fill()
    fleet.connections([first[0]: 1])
    let second = fleet.fill()
    fleet.connections([first[0]: 1, second[0]: 1])
    let third = fleet.fill()
    fleet.connections([:])
    fleet.pass(.seconds(299))
    #expect(fleet.engine.kernels.count == 3)
    fleet.pass(.seconds(16))
    #expect(fleet.engine.kernels.values.filter(\.isDraining).map(\.id) == [first[0], second[0]])
    #expect(fleet.acts.contains("count"))
    #expect(fleet.rows()[first[0].uuid]?.status == "stopping")
    fleet.connections([:])
    #expect(fleet.acts.contains("shutdown 1.1") && fleet.acts.contains("shutdown 2.1"))
    fleet.exited(first[0], ExitInfo(code: 0))
    fleet.exited(second[0], ExitInfo(code: 0))
    #expect(Array(fleet.engine.kernels.keys) == third, "the one that nobody ever had is kept")
    #expect(fleet.pool().view.free == 1)
  }

  @Test func aUsedKernelIsNoWarmKernelAnyMore() {
    let fleet = Harness.pooled(0, 2, warm: 1)
    let id = fleet.fill()[0]
    fleet.use(id)
    #expect(fleet.pool().view.free == 1)
    let fresh = fleet.fill()[0]
    #expect(fleet[id].wasUsed && !fleet[fresh].wasUsed)
    #expect(fleet.pool().view.free == 2)
  }

  /// Without this a pool that is full of kernels that somebody left behind has no warm one for the whole window.
  @Test func aFullPoolReplacesWhatWasLeftBehind() {
    let fleet = Harness.pooled(0, 1, warm: 1)
    let id = fleet.fill()[0]
    fleet.use(id)
    #expect(fleet[id].isDraining)
    fleet.connections([:])
    fleet.exited(id, ExitInfo(code: 0))
    #expect(fleet.acts.contains("provide 1 p"))
  }

  @Test func crashesComeBackAndDeadOnesAreReplaced() {
    let fleet = Harness.pooled(1)
    let id = fleet.fill()[0]
    fleet.exited(id)
    #expect(fleet.status(id) == .backoff)
    #expect(!fleet.acts.contains("provide 1 p"), "it comes back by itself")
    fleet.pass(.milliseconds(500))
    fleet.start(id)
    fleet.pass(.seconds(100))
    fleet.exited(id, ExitInfo(code: 0))
    #expect(fleet.status(id) == nil, "nobody wants to see why")
    #expect(fleet.acts.contains("provide 1 p"))
    #expect(fleet.pool().problem == nil)
  }

  @Test func whatEndsAsSoonAsItStartedIsNotStartedInALoop() {
    let fleet = Harness.pooled(1)
    var delays: [Int] = []
    for _ in 1...4 {
      let id = fleet.provide("p")[0]
      fleet.start(id)
      fleet.forget()
      fleet.exited(id, ExitInfo(code: 0))
      #expect(fleet.acts.contains { $0.hasPrefix("provide") } == false)
      #expect(fleet.pool().problem?.contains("exited with code 0") == true)
      var seconds = 0
      while !fleet.acts.contains("provide 1 p") {
        fleet.pass(.seconds(1))
        seconds += 1
        guard seconds < 20 else { break }
      }
      delays.append(seconds)
    }
    #expect(delays == [1, 2, 4, 8])
  }

  @Test func aBrokenTemplateIsTriedSlowlyAndPeopleAreTold() {
    let fleet = Harness.pooled(3)
    for id in fleet.provide("p") {
      fleet.send(.launchFailed(id, generation: 1, LaunchFailure(reason: "no such program")))
    }
    #expect(fleet.engine.kernels.isEmpty)
    #expect(fleet.pool().problem == "kernels of this pool do not start: no such program")
    #expect(fleet.pool().retryAt == fleet.now + .seconds(1), "three failures at once are one")
    #expect(fleet.engine.alerts.map(\.condition.name) == ["PoolBroken"])
    #expect(fleet.engine.alerts.map(\.state) == [.firing])
    fleet.forget()
    fleet.pass(.milliseconds(999))
    #expect(fleet.acts == [])
    fleet.pass(.milliseconds(1))
    #expect(fleet.acts == ["provide 3 p"])
    fleet.fill()
    #expect(fleet.pool().problem == nil)
    #expect(fleet.engine.alerts.map(\.state) == [.resolved])
  }

  /// Nothing would ever show that they start again, and the alert would last for ever.
  @Test func aPoolThatLacksNothingHasNoProblem() {
    let fleet = Harness.pooled(0, 8, entries: [.route, .scale]) { $0.downWindow = .zero }
    fleet.pass(.seconds(15))
    fleet.answer(.scale(ScaleAnswer(wanted: 2)))
    let ids = fleet.fill()
    fleet.exited(ids[0], ExitInfo(code: 0))
    #expect(fleet.engine.alerts.map(\.state) == [.firing])
    fleet.pass(.seconds(15))
    #expect(fleet.engine.alerts.map(\.state) == [.firing], "it is being tried again")
    fleet.answer(.scale(ScaleAnswer(wanted: 1)))
    fleet.send(.provided(pool: "p", .success([fleet.candidate()])))
    #expect(fleet.engine.kernels.count == 1)
    #expect(fleet.pool().problem == nil)
    #expect(fleet.engine.alerts.map(\.state) == [.resolved])
  }

  @Test func aHostThatCannotMakeThemIsAskedAgainLater() {
    let fleet = Harness.pooled(1)
    fleet.forget()
    fleet.send(.provided(pool: "p", .failure(EngineError(.kernelspecNotFound, "no kernelspec 'p'"))))
    #expect(fleet.acts == [])
    #expect(fleet.pool().problem == "kernels of this pool do not start: no kernelspec 'p'")
    fleet.pass(.seconds(1))
    #expect(fleet.acts == ["provide 1 p"])
    fleet.forget()
    fleet.pass(.seconds(61))
    #expect(fleet.pool().problem?.hasSuffix("within 60 s") == true, "it is silent")
    fleet.pass(.seconds(4))
    #expect(fleet.acts == ["provide 1 p"])
  }

  @Test func aHungKernelIsReplacedAndNotWhenSomebodyHasIt() {
    let fleet = Harness.pooled(2, 4)
    let ids = fleet.fill()
    fleet.connections([ids[0]: 1])
    for id in ids { for _ in 1...3 { fleet.heartbeat(id, alive: false) } }
    #expect(fleet.acts.filter { $0.hasPrefix("provide") } == ["provide 1 p"])
  }

  /// Kernels of the pool that an earlier host started.
  private static func rows(_ count: Int) -> [Recovered] {
    (1...count).map { number in
      var kernel = Kernel(
        id: .number(number), serial: number,
        specification: Specification(kernelspec: "lua", language: "lua", pool: "p"), key: "",
        port: 9555 + 5 * number)
      kernel.status = .idle
      kernel.wasReady = true
      return Recovered(kernel: kernel, fate: .running(.with(pid: Int32(number))))
    }
  }

  @Test func pinnedToItsBoundsAfterARestartOfTheHost() {
    var configuration = EngineConfiguration()
    configuration.pools = [Pool(name: "p", minimum: 1, maximum: 2)]
    let fleet = Harness(configuration)
    let rows = Self.rows(4)
    fleet.send(.recovered(rows))
    #expect(fleet.acts.contains { $0.hasPrefix("provide") } == false)
    for row in rows { fleet.ready(row.kernel.id) }
    #expect(fleet.engine.kernels.values.count(where: \.isDraining) == 2, "more than the maximum")
  }
}
