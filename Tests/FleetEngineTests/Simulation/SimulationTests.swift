// Random faults, drawn from a seed, against the real engine. FLEET_SEED replays a run, FLEET_SIMULATION_STEPS sets how
// many events the hosts take in, FLEET_SHRINK_TRIALS how many worlds are tried to shorten the story of a failure.
import FleetEngine
import Glibc
import Testing

struct SimulationTests {
  private static func number(_ variable: String) -> UInt64? {
    getenv(variable).flatMap { UInt64(String(cString: $0)) }
  }

  private static let stepsOfWorld = 2000

  /// Many short worlds, each with a seed of its own, so that one that fails is replayed quickly.
  @Test func randomFaultsLoseNothing() {
    let steps = Int(Self.number("FLEET_SIMULATION_STEPS") ?? 50_000)
    var system = SystemRandomNumberGenerator()
    let first = Self.number("FLEET_SEED") ?? system.next() >> 16
    print("simulation of \(steps) steps: FLEET_SEED=\(first)")
    let start = ContinuousClock.now
    var tally = Tally()
    var seed = first
    TrapReport.install()
    while tally.events < steps {
      TrapReport.seed = seed
      let world = World(Plot(seed: seed, steps: Self.stepsOfWorld))
      do {
        try world.run()
      } catch {
        Issue.record("FLEET_SEED=\(seed) FLEET_SIMULATION_STEPS=1: \(error)\n\(Self.story(of: seed))")
        return
      }
      tally += world.tally
      seed += 1
    }
    let seconds = (ContinuousClock.now - start).seconds
    print(
      "simulation: \(tally); nothing lost, nothing doubled; \(Int(Double(tally.events) / seconds)) steps per second")
  }

  /// The same failure with as little as it needs, and the last lines of it.
  private static func story(of seed: UInt64) -> String {
    let plot = Plot(seed: seed, steps: stepsOfWorld)
    let trials = number("FLEET_SHRINK_TRIALS").map { Int($0) } ?? 1000
    guard var shrinker = Shrinker(plot, trials: trials, failure) else { return "the same seed does not fail again" }
    let before = shrinker.struck.count
    shrinker.shrink()
    let world = World(shrinker.plot, isTraced: true)
    // It fails as it did before; how is known already.
    _ = try? world.run()
    let lines = world.trace.suffix(number("FLEET_TRACE_LINES").map(Int.init) ?? 60)
    let faults = shrinker.struck.map { "\($0.1)" }
    return """
      shrunk from \(before) to \(faults.count) faults and requests, \(shrinker.plot.steps) steps: \(shrinker.failure)
      faults: \(faults.joined(separator: " "))
      \(lines.joined(separator: "\n"))
      """
  }

  private static func failure(
    of plot: Plot
  ) -> (failure: Violation, events: Int, struck: [(Occurrence, FaultKind)])? {
    let world = World(plot)
    do { try world.run() } catch {
      return (error as? Violation ?? Violation("\(error)"), world.tally.events, world.fate.struck)
    }
    return nil
  }

  @Test func theSameSeedMakesTheSameWorld() throws {
    let plot = Plot(seed: 42, steps: 1000)
    let worlds = [World(plot, isTraced: true), World(plot, isTraced: true)]
    for world in worlds { try world.run() }
    let difference = zip(worlds[0].trace, worlds[1].trace).first { $0 != $1 }
    #expect(difference == nil)
    #expect(worlds[0].trace.count > 1000)
  }

  @Test func aWorldWithoutFaultsHasNone() throws {
    let world = World(Plot(seed: 42, steps: 200, without: Set(FaultKind.allCases)))
    try world.run()
    #expect(world.fate.struck.isEmpty)
    #expect(world.tally.commitsLost == 0 && world.tally.powerLosses == 0 && world.tally.pauses == 0)
  }
}
