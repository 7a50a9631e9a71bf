// A fleet in virtual time: the real engine and the real policies, with simulated kernels, clients and faults.
import FleetConfiguration
import FleetEngine
import PolicyHost

/// Runs one scenario once. The same scenario, policies and seed give the same report, byte for byte.
final class Simulation {
  enum Happening {
    case arrival(Int)
    case tick(host: Int, number: Int)
    case committed(host: Int, sequence: Int)
    case launched(Int32, host: Int)
    case started(Int32)
    case executed(Int32, Int)
    case ended(Int32, ExitInfo)
    case resumed(Int32)
    case hastened(Int32, Int)
    case heartbeat(Int32)
    case act(Int)
    case gaveUp(session: Int, step: Int)
    case overstayed(session: Int)
    case fault(Int)
    case faultOver(Int)
    case hostStarts
    case count, sample, measure
  }

  let scenario: Scenario
  let panel: PolicyPanel
  private let configuration: EngineConfiguration
  private(set) var now: Int64 = 0
  private var agenda = Agenda<Happening>()
  /// What the engine is told at once, after the effects of what it was told before.
  private var news = FIFO<Event>()
  private var isTelling = false

  /// Nil while no host runs.
  private(set) var engine: Engine?
  /// Counts hosts, so that news for an earlier one is told apart.
  private(set) var host = 0
  private var alarm = 0
  var disk = SimulatedDisk()
  /// Commands of clients that came while no host ran.
  var unheard: [Event] = []
  var isCounted = true

  var kernels: [KernelID: SimulatedKernel] = [:]
  var processes: [Int32: SimulatedKernel] = [:]
  var lastPid: Int32 = 0
  var identities: Randomness
  var connections: [KernelID: Int] = [:]
  var executing = 0
  /// Shares of launches that fail at present, and how many times as long they take; one for each fault in force.
  var failingStarts: [Int: Double] = [:]
  var slowStarts: [Int: Double] = [:]

  var arrivals: [ArrivalProcess] = []
  var arrived: [Int]
  var sessions: [Session] = []
  /// Sessions that are not over.
  var present = 0
  var waitingCount = 0
  var faultRandom: [Randomness] = []

  var tally: Tally
  let recorder: TraceRecorder?

  init(
    _ scenario: Scenario, isRecorded: Bool = false, log: @escaping @Sendable (String) -> Void = { _ in }
  ) throws(PolicyError) {
    self.scenario = scenario
    panel = try PolicyPanel(scenario.policies, log: log)
    configuration = scenario.engineConfiguration(panel.entries)
    identities = Randomness(seed: scenario.seed, .identity, 0)
    arrived = Array(repeating: 0, count: scenario.clients.count)
    tally = Tally(scenario)
    recorder = isRecorded ? TraceRecorder(wall: scenario.wallMilliseconds) : nil
  }

  /// Lets the scenario's time pass.
  func run() {
    engine = Engine(configuration: configuration)
    begin()
    while let (at, happening) = agenda.next(), at <= scenario.duration {
      now = at
      happen(happening)
    }
    now = scenario.duration
    finish()
  }

  func plan(_ happening: Happening, in delay: Int64) { agenda.plan(happening, at: now + max(0, delay)) }

  var instant: Instant { Instant(nanoseconds: now) }

  private func begin() {
    tell(.recovered([]))
    spawnStanding()
    for (index, client) in scenario.clients.enumerated() {
      arrivals.append(
        ArrivalProcess(
          client.arrivals, from: Double(client.begin) / 1e9, until: Double(client.end) / 1e9,
          clock: Double(scenario.begins) / 1e9, random: Randomness(seed: scenario.seed, .arrivals, index)))
      planArrival(index)
    }
    for (index, fault) in scenario.faults.enumerated() {
      faultRandom.append(Randomness(seed: scenario.seed, .fault, index))
      planFault(index, first: fault)
    }
    plan(.count, in: countInterval)
    if scenario.host.samples > 0 { plan(.sample, in: scenario.host.samples) }
    plan(.measure, in: 0)
  }

  /// Who looks whenever it matters also looks once a second.
  private var countInterval: Int64 {
    scenario.host.connections == 0 ? Scenario.second : max(scenario.host.connections, 10_000_000)
  }

  private func happen(_ happening: Happening) {
    switch happening {
    case .arrival(let index): arrive(index)
    case .tick(let host, let number): if host == self.host, number == alarm { tell(.tick) }
    case .committed(let host, let sequence): if host == self.host { tell(.committed(sequence: sequence)) }
    case .launched(let pid, let host): launched(pid, host: host)
    case .started(let pid): started(pid)
    case .executed(let pid, let number): executed(pid, number)
    case .ended(let pid, let info): if let kernel = processes[pid] { end(kernel, info) }
    case .resumed(let pid): resume(pid)
    case .hastened(let pid, let number): hasten(pid, number)
    case .heartbeat(let pid): heartbeat(pid)
    case .act(let session): act(session)
    case .gaveUp(let session, let step): giveUp(session, step)
    case .overstayed(let session): overstay(session)
    case .fault(let index): beginFault(index)
    case .faultOver(let index): endFault(index)
    case .hostStarts: startHost()
    case .count:
      countConnections()
      plan(.count, in: countInterval)
    case .sample: sampleKernels()
    case .measure: measure()
    }
  }

  // MARK: The engine

  /// Tells the host something, at once or after what it is being told now.
  func tell(_ event: Event) {
    news.append(event)
    guard !isTelling else { return }
    isTelling = true
    while let event = news.popFirst() {
      guard let effects = engine?.handle(event, now: instant) else { continue }
      for effect in effects { perform(effect) }
    }
    isTelling = false
  }

  private func perform(_ effect: Effect) {
    switch effect {
    case .launch(let kernel): launch(kernel)
    case .probe(let kernel): probe(kernel)
    case .watch, .unwatch, .adopt, .interrupt, .note: break
    case .requestShutdown(let kernel): requestShutdown(kernel)
    case .signal(let kernel, let signal): self.signal(kernel, signal)
    case .commit(let sequence, let changes, let isDurable):
      if scenario.restartsHost { disk.write(changes) }
      if isDurable, scenario.host.commit > 0 {
        plan(.committed(host: host, sequence: sequence), in: scenario.host.commit)
      } else {
        news.append(.committed(sequence: sequence))
      }
    case .rows(let changes):
      panel.apply(changes)
      recorder?.rows(changes)
    case .ask(let number, let question):
      recorder?.asked(number)
      news.append(.answered(question: number, panel.ask(question)))
    case .decided(let decision):
      tally.decided(decision)
      recorder?.decided(decision, now)
    case .provide(let pool, let count): news.append(.provided(pool: pool, .success(provide(pool, count))))
    case .alerts(let changes): tally.alerted(changes)
    case .countConnections: news.append(.connections(connections))
    case .resolve(let number, let config, let language, let wanted):
      news.append(.resolved(question: number, .success(resolve(config, language, wanted))))
    case .answer(let ticket, let result): answered(ticket.number, result)
    case .removeFiles(let kernel): if scenario.restartsHost { disk.forget(kernel.id) }
    case .wake(let at):
      alarm += 1
      agenda.plan(.tick(host: host, number: alarm), at: max(now, at.nanoseconds))
    }
  }

  // MARK: The host's end and new beginning

  func killHost(for length: Int64) {
    guard engine != nil else { return }
    engine = nil
    news.removeAll()
    host += 1
    askAgain()
    tally.hostRestarts += 1
    plan(.hostStarts, in: length)
  }

  private func startHost() {
    engine = Engine(configuration: configuration, totalSpawned: disk.lastSerial)
    // Its policies begin with what it tells them.
    panel.forgetRows()
    recorder?.forgetRows()
    tell(.recovered(disk.recovered { self.kernels[$0.id] }))
    isCounted = false
    for kernel in processes.values.sorted(by: { $0.pid < $1.pid }) where kernel.isHung {
      plan(.heartbeat(kernel.pid), in: 0)
    }
    let commands = unheard
    unheard = []
    for command in commands { tell(command) }
  }

  private func finish() {
    for kernel in processes.values { tally.spent(kernel, until: now) }
    tally.end(present: present, alerts: engine?.alerts ?? [])
  }
}
