// What is measured of kernels: for people who look, and regularly for those policies that need it. Each round serves all
// who wait for it.
import FleetEngine

extension FleetHost {
  /// Readers that come within this time after a round share it.
  private static let freshness: Duration = .milliseconds(200)

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
      var clients: [KernelID: Int] = [:]
      for (port, count) in counts {
        if let id = kernels[port]?.id { clients[id] = count }
      }
      handle(.connections(clients))
    } catch {
      setup.log.warning("clients cannot be counted: \(error)")
    }
  }

  // MARK: Memory, processors, threads

  /// Measures what all kernels use, unless that was done just now.
  func sample() async {
    if let last = lastSample, now - last < Self.freshness, isSampled { return }
    lastSample = now
    await sample(engine.kernels.values.compactMap { kernel in kernel.process.map { (kernel.id, $0.kernel) } }) {
      $0.round($1)
    }
  }

  private var isSampled: Bool { engine.kernels.values.allSatisfy { $0.sample != nil || $0.process == nil } }

  /// Measures what one kernel uses: one that has just started is not worth a round of all.
  func sample(_ kernel: Kernel) async {
    guard let process = kernel.process else { return }
    await sample([(kernel.id, process.kernel)]) { $0.add($1) }
  }

  private func sample(
    _ processes: [(KernelID, Int32)],
    _ measure: @escaping @Sendable (UsageSampler, [(KernelID, Int32)]) -> [KernelID: Sample]
  ) async {
    let usage = usage
    let samples = await measures.run { measure(usage, processes) }
    if case .closed = phase { return }
    if !samples.isEmpty { handle(.samples(samples)) }
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
