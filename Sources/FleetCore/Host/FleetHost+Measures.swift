// What is measured of kernels: for people who look, for those policies that need it, and for the history. Each round
// serves all who wait for it.
import FleetEngine

/// What was measured of all kernels at one moment.
struct MeasuringRound: Sendable {
  /// When it began.
  var at: FleetEngine.Instant
  var measurements: [KernelID: UsageReading]
}

extension FleetHost {
  /// Readers that come within this time after a round share it.
  static let freshness: Duration = .milliseconds(200)

  // MARK: Clients

  /// Counts established clients. Whoever asks while a round is under way waits for the next one: what he knows of may be
  /// younger than this one.
  func countConnections() async {
    if case .closed = phase { return }
    await withCheckedContinuation { continuation in
      waitingForCount.append(continuation)
      if waitingForCount.count == 1, !isCounting { Task { await countForAll() } }
    }
  }

  /// The same for whom a count of just now will do.
  func countConnections(within age: Duration) async {
    if let last = lastCount, now - last < age { return }
    await countConnections()
  }

  private func countForAll() async {
    isCounting = true
    while !waitingForCount.isEmpty {
      let served = waitingForCount
      waitingForCount = []
      await countOnce()
      served.forEach { $0.resume() }
    }
    isCounting = false
  }

  private func countOnce() async {
    let began = now
    var kernels: [UInt16: (id: KernelID, process: Int32)] = [:]
    for kernel in engine.kernels.values where kernel.status.isAlive {
      guard let port = UInt16(exactly: kernel.port), let process = kernel.process else { continue }
      kernels[port] = (kernel.id, process.kernel)
    }
    let servers = kernels.mapValues(\.process)
    let counter = counter
    do throws(SystemError) {
      let counts =
        servers.isEmpty
        ? [:] : try await measures.run { () throws(SystemError) in try counter.established(on: servers) }
      if case .closed = phase { return }
      (lastCount, countProblem) = (began, nil)
      directConnections = [:]
      for (port, count) in counts {
        if let id = kernels[port]?.id { directConnections[id] = count }
      }
      // The sockets of the host itself are not counted: they stand for the clients that are connected to it.
      var clients = directConnections
      for (id, _) in kernels.values { clients[id, default: 0] += hub.connections(of: id) }
      handle(.connections(clients))
    } catch {
      // Told once, and not with each round.
      if countProblem != error { setup.log.warning("clients cannot be counted: \(error)") }
      countProblem = error
    }
  }

  // MARK: Memory, processors, threads

  /// What all kernels use, as measured now or within the time before. Whoever comes during a round gets its result.
  func measured(within age: Duration = freshness) async -> MeasuringRound {
    if let round = latestRound, now - round.at < age, round.at >= lastLaunch { return round }
    if let running = runningRound { return await running.value }
    let (began, usage) = (now, usage)
    let processes = engine.kernels.values.compactMap { kernel in kernel.process.map { (kernel.id, $0) } }
    let task = Task { [sampling] in
      MeasuringRound(at: began, measurements: await sampling.run { usage.round(processes) })
    }
    runningRound = task
    let round = await task.value
    runningRound = nil
    latestRound = round
    return round
  }

  /// The same, told to the engine, so that policies and lists see it.
  func sample() async {
    let round = await measured()
    if case .closed = phase { return }
    if round.at == toldRound { return }
    toldRound = round.at
    if !round.measurements.isEmpty { handle(.samples(round.measurements.mapValues(\.sample))) }
  }

  /// Measures what one kernel uses: one that has just started is not worth a round of all.
  func sample(_ kernel: Kernel) async {
    guard let process = kernel.process else { return }
    let usage = usage
    let measurements = await sampling.run { usage.add([(kernel.id, process)]) }
    if case .closed = phase { return }
    if !measurements.isEmpty { handle(.samples(measurements.mapValues(\.sample))) }
  }

  /// What the control groups of kernels count.
  func groupUsage() async -> [KernelID: GroupUsage] {
    let (groups, launched) = (groups, processes.groups)
    return launched.isEmpty ? [:] : await measures.run { groups.round(launched) }
  }

  /// Closes the files of a process that has ended: it may be long until somebody asks again.
  func closeMeters(after event: Event) {
    guard case .exited(let id, let generation, _) = event, let kernel = engine.kernels[id],
      kernel.generation == generation, let process = kernel.process
    else { return }
    let (usage, groups) = (usage, groups)
    sampling.async { usage.forget(process.kernel) }
    measures.async { groups.forget(nonce: kernel.nonce) }
  }

  // MARK: Regularly

  /// Begins to measure regularly when a policy or a pool needs it and there is a kernel.
  func measureIfNeeded() {
    guard needsMeasures, !engine.kernels.isEmpty, measuring == nil, case .open = phase else { return }
    let interval = setup.configuration.metrics.interval
    measuring = Task { [weak self] in
      repeat {
        // So that the rounds of several hosts do not fall together. Cancelled when the host leaves.
        try? await Task.sleep(for: interval * Double.random(in: 0.9...1.1), tolerance: interval * 0.1)
      } while await self?.measureOnce() == true
    }
  }

  /// False when it is not needed any more.
  private func measureOnce() async -> Bool {
    if !Task.isCancelled, case .open = phase, engine.kernels.values.contains(where: { $0.process != nil }) {
      await countConnections()
      await sample()
      return true
    }
    measuring = nil
    return false
  }
}
