// A simulated machine: a host with the real engine, its disk, its kernels, its clients and its policies, in virtual time.
// Everything is drawn from one seed, so the same seed makes the same world.
import FleetEngine

/// What must never be, was.
struct Violation: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

final class World {
  enum Happening {
    /// News for a host; lost if that host is gone.
    case event(Event, host: Int)
    case alarm(host: Int, number: Int)
    case commit(host: Int)
    case launch(Kernel, host: Int)
    case process(Int32, ProcessAct)
    case chatter, client, fault, killing, crash, hostStarts, hostWakes, diskHasRoom
    case strangerLeaves(Int)

    /// Numbers the kinds, for `Fate`.
    var kind: Int {
      switch self {
      case .event: 1
      case .alarm: 2
      case .commit: 3
      case .launch: 4
      case .process: 5
      case .chatter: 6
      case .client: 7
      case .fault: 8
      case .killing: 9
      case .crash: 10
      case .hostStarts: 11
      case .diskHasRoom: 12
      case .strangerLeaves: 13
      case .hostWakes: 14
      }
    }
    static let kinds = 15
  }

  static let millisecond: Int64 = 1_000_000
  static let second: Int64 = 1_000_000_000

  var random: SplitMix64
  var fate: Fate
  private let plot: Plot
  private(set) var now: Int64 = 1_000 * World.second
  private var schedule = Schedule<Happening>()
  /// No more faults, no more requests: everything must come to rest.
  private(set) var isCalm = false
  private(set) var isChattering = true

  // The host, nil while none runs.
  var engine: Engine?
  /// Counts hosts, so that news for an earlier one is told apart.
  var host = 0
  var alarm = 0
  var tally = Tally(worlds: 1)

  var boot = 1
  var disk = SimulatedDisk()
  var processes: [Int32: SimulatedProcess] = [:]
  var livePids: [KernelID: Int32] = [:]
  /// Exit files, by nonce.
  var exitRecords: [String: ExitInfo] = [:]
  var lastPid: Int32 = 100
  /// Base ports that other programs listen on.
  var strangers: [Int] = []
  var drivers = Drivers()
  var clients = Clients()
  var policy = PolicySeat()
  var watchdog: Watchdog
  let configuration: EngineConfiguration

  /// The host takes nothing in until then, and when it last began to again.
  private var pausedUntil: Int64 = 0
  private(set) var awakeSince: Int64 = 0
  /// What came meanwhile.
  private var deferred: [Happening] = []
  /// What the wall clock is ahead, in milliseconds.
  var wallClock: Int64 = 0

  private let isTraced: Bool
  private(set) var trace: [String] = []

  init(_ plot: Plot, isTraced: Bool = false) {
    self.plot = plot
    fate = Fate(plot, occasions: Happening.kinds)
    random = fate.begin(0)
    self.isTraced = isTraced
    configuration = World.configuration(&random)
    watchdog = Watchdog(configuration)
  }

  /// Lets things happen until the host has handled so many events, then lets them come to rest.
  func run() throws {
    try startHost()
    for happening in [Happening.chatter, .client, .fault] { plan(happening, in: 0...World.second) }
    while tally.events < plot.steps, let (at, happening) = schedule.next() { try happen(happening, at) }
    try calmDown()
  }

  private func calmDown() throws {
    isCalm = true
    wakeUp()
    disk.isFull = false
    strangers = []
    for pid in processes.keys.sorted() { plan(.process(pid, .resume), in: 0...0) }
    if engine == nil { plan(.hostStarts, in: 0...0) }
    try pass(200 * World.second)
    if engine?.kernels.values.contains(where: { $0.status == .unknown }) == true { try restartHost() }
    try pass(200 * World.second)
    isChattering = false
    // What was said before may come late.
    try pass(2 * World.longestDelay)
    everybodyLeaves()
    try settle()
    try restartHost()
    try settle()
  }

  /// Where policies are asked again and again there is no end, but peace.
  private func settle() throws {
    if isPeriodic { try pass(200 * World.second) } else { try drain() }
    try checkRest()
  }

  private func restartHost() throws {
    crashHost()
    try pass(World.second)
  }

  private func pass(_ duration: Int64) throws {
    let end = now + duration
    var events = 0
    while now < end, let (at, happening) = schedule.next() {
      try happen(happening, at)
      events += 1
      if events > 200_000 { throw Violation("it does not come to rest") }
    }
  }

  private func drain() throws {
    var events = 0
    while let (at, happening) = schedule.next() {
      try happen(happening, at)
      events += 1
      if events > 20_000 { throw Violation("it never comes to rest: the last was \(happening)") }
    }
  }

  // MARK: Time and chance

  /// Plans something for a random time of the range, in nanoseconds from now.
  func plan(_ happening: Happening, in range: ClosedRange<Int64>) {
    let width = UInt64(range.upperBound - range.lowerBound) + 1
    schedule.plan(happening, at: now + range.lowerBound + Int64(random.next() % width))
  }

  /// No alarm is later.
  static let latestAlarm = second

  /// No news takes longer.
  static let longestDelay = 5 * second

  /// Plans news for the present host: mostly soon, sometimes late and so out of order, sometimes twice.
  func tell(_ event: Event) {
    let limit =
      switch random.below(40) {
      case 0: World.longestDelay
      case 1...3: 200 * World.millisecond
      default: 5 * World.millisecond
      }
    let isLate = limit > 5 * World.millisecond && fate.strikes(.newsLate, true)
    plan(.event(event, host: host), in: 0...(isLate ? limit : 5 * World.millisecond))
    // Kernels that are made anew for each order are not told of twice.
    if case .provided = event { return }
    if fate.strikes(.newsDoubled, random.one(in: 40)) { plan(.event(event, host: host), in: 0...World.longestDelay) }
  }

  /// True once in `count` times, but never in a calm world.
  func mishap(_ kind: FaultKind, _ count: Int) -> Bool { fate.strikes(kind, !isCalm && random.one(in: count)) }

  func record(_ line: @autoclosure () -> String) {
    if isTraced { trace.append("\(Double(now) / 1e9) \(line())") }
  }

  private func happen(_ happening: Happening, _ at: Int64) throws {
    now = max(now, at)
    if now < pausedUntil, isOfHost(happening) { return deferred.append(happening) }
    random = fate.begin(happening.kind)
    switch happening {
    case .event(let event, let host): if host == self.host { try handle(event) }
    case .alarm(let host, let number): if host == self.host, number == alarm { try handle(.tick) }
    case .commit(let host): if host == self.host { finishCommit() }
    case .launch(let kernel, let host): if host == self.host { try launch(kernel) }
    case .process(let pid, let act): processActs(pid, act)
    case .chatter:
      try checkEnds()
      // What was planned before everybody left would say that somebody is still there, after the last word.
      guard isChattering else { return }
      chatter()
      plan(.chatter, in: 0...((isCalm ? 20 : 4) * World.second))
    case .client:
      try clientActs()
      if !isCalm { plan(.client, in: 0...clients.pause(&random)) }
    case .fault:
      faultBegins()
      if !isCalm { plan(.fault, in: 0...(40 * World.second)) }
    case .killing: killSomebody()
    case .crash: if !isCalm, fate.strikes(.hostKilled, true) { crashHost() }
    case .hostStarts: if engine == nil { try startHost() }
    case .hostWakes: if now >= pausedUntil { wakeUp() }
    case .diskHasRoom: disk.isFull = false
    case .strangerLeaves(let port): strangers.removeAll { $0 == port }
    }
  }

  /// A host that is stopped, or a machine that sleeps: what comes meanwhile is taken in later, all at once.
  private func isOfHost(_ happening: Happening) -> Bool {
    switch happening {
    case .event, .alarm, .commit, .launch, .chatter, .client: true
    case .process, .fault, .killing, .crash, .hostStarts, .hostWakes, .diskHasRoom, .strangerLeaves: false
    }
  }

  private func pauseHost() {
    let pause = random.pick([World.second, 20 * World.second, 3600 * World.second])
    guard engine != nil, fate.strikes(.hostPaused, true) else { return }
    record("host \(host) is stopped for \(pause / World.second) s")
    tally.pauses += 1
    pausedUntil = now + pause
    plan(.hostWakes, in: pause...pause)
  }

  /// What waits for the host comes at once.
  func wakeUp() {
    (pausedUntil, awakeSince) = (now, now)
    for happening in deferred { schedule.plan(happening, at: now) }
    deferred = []
  }

  private func troubleComesInThrees() {
    guard fate.strikes(.diskFull, true) else { return }
    disk.isFull = true
    plan(.diskHasRoom, in: 0...(4 * World.second))
    for _ in 1...3 { plan(.killing, in: 0...(4 * World.second)) }
    plan(.crash, in: 0...(4 * World.second))
  }

  private func faultBegins() {
    guard !isCalm else { return }
    switch random.below(11) {
    case 0, 1, 2: if fate.strikes(.hostKilled, true) { crashHost() }
    case 3: if fate.strikes(.powerLost, true) { losePower() }
    case 4:
      guard fate.strikes(.diskFull, true) else { return }
      disk.isFull = true
      plan(.diskHasRoom, in: 0...(30 * World.second))
    case 5:
      let port = 9555 + 5 * random.below(12)
      guard fate.strikes(.portTaken, true) else { return }
      strangers.append(port)
      plan(.strangerLeaves(port), in: 0...(90 * World.second))
    case 6: troubleComesInThrees()
    case 7: pauseHost()
    case 8: if fate.strikes(.clockJumps, true) { wallClock += 3_600_000 * (random.one(in: 2) ? 1 : -1) }
    default: killSomebody()
    }
  }
}
