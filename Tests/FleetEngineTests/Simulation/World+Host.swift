// The host of a simulated world: events go into the engine, effects are carried out, and it can die between any two.
@testable import FleetEngine

/// What the present host's drivers have in hand.
struct Drivers {
  /// Processes whose end the host will hear of.
  var followed: Set<Int32> = []
  /// The launches that are asked until they answer, and those whose heartbeats are followed.
  var probed: [KernelID: Int] = [:]
  var watched: [(id: KernelID, generation: Int)] = []
  var lastCommitDone: Int64 = 0
  /// When followed processes ended.
  var ends: [KernelID: (generation: Int, at: Int64)] = [:]
  /// Alerts that people were told of, and not that they are over.
  var firing: Set<AlertIdentity> = []
}

extension World {
  var instant: Instant { Instant(nanoseconds: now) }

  /// Compares the rows with what lives, as a real host does.
  func startHost() throws {
    engine = Engine(configuration: configuration, totalSpawned: disk.rows.last?.kernel.serial ?? 0)
    record("host \(host) starts")
    let rows = disk.rows
    try handle(.recovered(rows.map(recovered)))
    try checkRecovery(rows)
  }

  private func recovered(_ row: StoredRow) -> Recovered {
    let kernel = row.kernel
    let fate: Recovered.Fate
    if mishap(.filesUnreadable, 15) {
      fate = .unknown("its files cannot be read")
    } else if let pid = livePids[kernel.id], processes[pid]?.nonce == kernel.nonce {
      fate = .running(processes[pid]!.seen)
    } else {
      fate = exitRecords[kernel.nonce].map(Recovered.Fate.ended) ?? .absent
    }
    return Recovered(kernel: kernel, fate: fate, backoff: row.backoff, isOtherBoot: row.boot != boot)
  }

  func crashHost() {
    guard engine != nil else { return }
    record("host \(host) is killed")
    tally.hostsKilled += 1
    engine = nil
    host += 1
    wakeUp()
    let finished = disk.waitingCount == 0 ? 0 : random.below(disk.waitingCount + 1)
    disk.loseHost(finished: disk.isFull ? 0 : finished, boot: boot)
    drivers = Drivers()
    policy = PolicySeat()
    clients.loseHost()
    watchdog = Watchdog(configuration)
    plan(.hostStarts, in: 0...(isCalm ? 0 : 10 * World.second))
  }

  func losePower() {
    crashHost()
    tally.powerLosses += 1
    record("the machine loses power")
    disk.losePower()
    processes = [:]
    livePids = [:]
    boot += 1
  }

  func handle(_ event: Event) throws {
    guard engine != nil else { return }
    tally.events += 1
    try checkAlarm()
    let before = watchdog.look(at: engine!)
    let effects = engine!.handle(event, now: instant)
    if !event.isChatter || effects.contains(where: { $0.brief != nil }) {
      record("> \(event.short)")
      for effect in effects { record("    \(effect.short)") }
    }
    try watchdog.check(engine!, before, event, now)
    policy.takeIn(event, effects, now)
    // The host may die after any of its effects.
    let isLast = mishap(.hostKilled, 1500)
    let survived = isLast ? random.below(effects.count + 1) : effects.count
    for effect in effects.prefix(survived) {
      try perform(effect)
      if engine == nil { return }
    }
    if isLast { crashHost() }
  }

  private func perform(_ effect: Effect) throws {
    switch effect {
    case .launch(let kernel):
      try checkLaunch(kernel)
      let isLate = fate.strikes(.newsLate, random.one(in: 50))
      plan(.launch(kernel, host: host), in: 0...(isLate ? World.second : 20 * World.millisecond))
    case .probe(let kernel): probe(kernel)
    case .watch(let kernel):
      drivers.watched.removeAll { $0.id == kernel.id }
      drivers.watched.append((kernel.id, kernel.generation))
    case .unwatch(let id):
      drivers.watched.removeAll { $0.id == id }
      drivers.probed[id] = nil
    case .adopt(let kernel): adopt(kernel)
    case .requestShutdown(let kernel):
      try checkSignal(kernel)
      requestShutdown(kernel)
    case .signal(let kernel, let signal):
      try checkSignal(kernel)
      self.signal(kernel, signal)
    case .interrupt, .note: break
    case .decided(let decision): try decided(decision)
    case .provide(let pool, let count): provide(pool, count)
    case .alerts(let changes): try told(changes)
    case .countConnections: countConnections()
    case .commit(let sequence, let changes, let isDurable):
      commit(SimulatedDisk.Commit(sequence: sequence, changes: changes, isDurable: isDurable))
    case .rows(let changes): policy.apply(changes)
    case .ask(let question, let asked): try ask(question, asked)
    case .resolve(let question, let config, let language, _): try resolve(question, config, language)
    case .answer(let ticket, let result): try answered(ticket, result)
    case .removeFiles(let kernel): try removeFiles(kernel)
    case .wake(let at): wake(at)
    }
  }

  /// A clock may be a little early, and a busy machine is late.
  private func wake(_ at: Instant) {
    alarm += 1
    let delay = max(0, at.nanoseconds - now)
    let early = random.one(in: 20) ? min(delay, World.millisecond) : 0
    let late = mishap(.alarmLate, 50) ? World.latestAlarm : World.millisecond
    plan(.alarm(host: host, number: alarm), in: (delay - early)...(delay + (early > 0 ? 0 : late)))
  }

  private func commit(_ commit: SimulatedDisk.Commit) {
    disk.submit(commit)
    let done = max(drivers.lastCommitDone, now) + Int64(random.below(10)) * World.millisecond
    drivers.lastCommitDone = done
    plan(.commit(host: host), in: (done - now)...(done - now))
  }

  func finishCommit() {
    guard let commit = disk.takeNext() else { return }
    if disk.isFull || mishap(.commitLost, 60) {
      // Some errors come after the deed.
      if !disk.isFull, random.one(in: 4) { disk.write(commit, boot: boot, isSynced: false) }
      tally.commitsLost += 1
      watchdog.failed(commit)
      tell(.commitFailed(sequence: commit.sequence, reason: "no space"))
    } else {
      disk.write(commit, boot: boot, isSynced: commit.isDurable)
      tell(.committed(sequence: commit.sequence))
    }
  }
}
