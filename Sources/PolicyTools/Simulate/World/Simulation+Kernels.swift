// What happens to the kernels of a simulation: they are launched, answer, execute, hang, crash and end.
import FleetEngine
import Glibc

extension Simulation {
  func newID() -> KernelID {
    let (high, low) = (identities.next(), identities.next())
    return KernelID(uuid: Self.uuid(high, low))!  // it has a UUID's form
  }

  private static func uuid(_ high: UInt64, _ low: UInt64) -> String {
    let digits = StaticDigits.lowercase
    return String(unsafeUninitializedCapacity: 36) { buffer in
      var index = 0
      for place in 0..<32 {
        if [8, 12, 16, 20].contains(place) {
          buffer[index] = UInt8(ascii: "-")
          index += 1
        }
        let word = place < 16 ? high : low
        buffer[index] = digits[Int(truncatingIfNeeded: word >> UInt64(60 - 4 * (place % 16))) & 15]
        index += 1
      }
      return 36
    }
  }

  private enum StaticDigits { static let lowercase = Array("0123456789abcdef".utf8) }

  func spawnStanding() {
    for standing in scenario.standing {
      for _ in 0..<standing.count {
        let new = NewKernel(id: newID(), key: "", specification: standing.specification)
        tell(.command(Ticket(0), .spawn(new)))
      }
    }
  }

  func provide(_ pool: String, _ count: Int) -> [NewKernel] {
    guard let template = scenario.template(of: pool) else { return [] }
    return (0..<count).map { _ in NewKernel(id: newID(), key: "", specification: template) }
  }

  func resolve(_ config: String?, _ language: String?, _ wanted: Requirements) -> Specification {
    let language = language ?? wanted.language ?? "lua"
    return Specification(
      kernelspec: wanted.kernelspec ?? language, language: language, config: config ?? wanted.config,
      provider: wanted.provider, model: wanted.model, labels: wanted.labels, owner: wanted.owner ?? "",
      limits: Limits(memory: wanted.memory))
  }

  // MARK: What the host's drivers do

  func launch(_ row: Kernel) {
    lastPid += 2
    let model = scenario.model(of: row.specification)
    let random = Randomness(seed: scenario.seed, .launch, row.serial &* 1000 &+ row.generation)
    let kernel = SimulatedKernel(row, model, pid: lastPid, now: now, random: random)
    kernels[row.id] = kernel
    processes[lastPid] = kernel
    tally.launched(now)
    plan(.launched(lastPid, host: host), in: 0)
    let factor = slowStarts.values.reduce(1, *)
    let delay = Int64(Double(model.start.time(&kernel.random)) * factor)
    let failing = max(model.startFailures, failingStarts.values.max() ?? 0)
    if kernel.random.unit() < failing {
      plan(.ended(lastPid, ExitInfo(code: 1, detail: "it failed to start")), in: delay)
    } else {
      plan(.started(lastPid), in: delay)
    }
  }

  func launched(_ pid: Int32, host: Int) {
    guard host == self.host, let kernel = processes[pid] else { return }
    tell(.launched(kernel.id, generation: kernel.generation, kernel.process))
  }

  func started(_ pid: Int32) {
    guard let kernel = processes[pid] else { return }
    kernel.isReady = true
    kernel.readyAt = now
    tally.started(now)
    if kernel.isProbed { tell(.ready(kernel.id, generation: kernel.generation)) }
    if let crash = kernel.model.crash {
      plan(.ended(pid, ExitInfo(signal: 11)), in: crash.time(&kernel.random))
    }
    proceed(kernel)
  }

  func probe(_ row: Kernel) {
    guard let kernel = live(row) else { return }
    kernel.isProbed = true
    if kernel.isReady, !kernel.isHung { tell(.ready(kernel.id, generation: kernel.generation)) }
  }

  private func live(_ row: Kernel) -> SimulatedKernel? {
    guard let kernel = kernels[row.id], kernel.generation == row.generation else { return nil }
    return kernel
  }

  func requestShutdown(_ row: Kernel) {
    guard let kernel = live(row), !kernel.isHung else { return }
    kernel.isCondemned = true
    plan(.ended(kernel.pid, ExitInfo(code: 0)), in: kernel.model.stop.time(&kernel.random))
  }

  func signal(_ row: Kernel, _ signal: StopSignal) {
    guard let kernel = live(row) else { return }
    kernel.isCondemned = true
    switch signal {
    case .terminate: plan(.ended(kernel.pid, ExitInfo(signal: 15)), in: kernel.model.stop.time(&kernel.random))
    case .kill: plan(.ended(kernel.pid, ExitInfo(signal: 9)), in: 0)
    }
  }

  // MARK: Executions

  /// Begins the next execution, if there is one and nothing speaks against it.
  func proceed(_ kernel: SimulatedKernel) {
    guard kernel.isReady, !kernel.isExecuting, !kernel.isHung, !kernel.hasEnded,
      let request = kernel.queue.popFirst()
    else { return }
    kernel.isExecuting = true
    kernel.executionBegan = now
    kernel.executions += 1
    kernel.current = request
    executing += 1
    var seconds = request.service * kernel.slowness
    if let slow = kernel.slowService { seconds = slow.sample(&kernel.random) }
    // Too few cores: whoever begins now has its share of them.
    if scenario.host.cores > 0 { seconds *= max(1, Double(executing) / Double(scenario.host.cores)) }
    tell(.activity(kernel.id, generation: kernel.generation, busy: true))
    plan(.executed(kernel.pid, kernel.executions), in: Int64(min(seconds, 1e9) * 1e9))
  }

  func executed(_ pid: Int32, _ number: Int) {
    guard let kernel = processes[pid], kernel.isExecuting, kernel.executions == number else { return }
    // What a hung kernel computes it tells when it goes on.
    if kernel.isHung { return kernel.isOverdue = true }
    kernel.isExecuting = false
    executing -= 1
    kernel.busySinceSample += now - max(kernel.executionBegan, kernel.sampledAt)
    tell(.activity(kernel.id, generation: kernel.generation, busy: false))
    if let request = kernel.current { executionAnswered(request) }
    if let limit = kernel.specification.limits.memory, kernel.memory(now) > limit {
      return end(kernel, ExitInfo(signal: 9, outOfMemory: true))
    }
    proceed(kernel)
  }

  // MARK: Trouble

  func hang(_ kernel: SimulatedKernel, for length: Int64) {
    guard !kernel.isHung, kernel.isReady else { return }
    kernel.isHung = true
    plan(.heartbeat(kernel.pid), in: scenario.host.heartbeat)
    plan(.resumed(kernel.pid), in: length)
  }

  /// Only what hangs is asked: that the others' hearts beat is no news.
  func heartbeat(_ pid: Int32) {
    guard let kernel = processes[pid], kernel.isHung else { return }
    tell(.heartbeat(kernel.id, generation: kernel.generation, alive: false))
    plan(.heartbeat(pid), in: scenario.host.heartbeat)
  }

  func resume(_ pid: Int32) {
    guard let kernel = processes[pid], kernel.isHung else { return }
    kernel.isHung = false
    if kernel.isProbed { tell(.heartbeat(kernel.id, generation: kernel.generation, alive: true)) }
    if kernel.isOverdue {
      kernel.isOverdue = false
      executed(pid, kernel.executions)
    } else {
      proceed(kernel)
    }
  }

  func hasten(_ pid: Int32, _ number: Int) {
    guard let kernel = processes[pid], kernel.slowings == number else { return }
    kernel.slowness = kernel.model.slowness
    kernel.slowService = nil
  }

  func end(_ kernel: SimulatedKernel, _ info: ExitInfo) {
    guard !kernel.hasEnded else { return }
    kernel.hasEnded = true
    processes[kernel.pid] = nil
    if kernels[kernel.id] === kernel {
      kernels[kernel.id] = nil
      connections[kernel.id] = nil
    }
    if kernel.isExecuting { executing -= 1 }
    tally.spent(kernel, until: now)
    tally.ended(kernel, info)
    if scenario.restartsHost { disk.ended(kernel, info) }
    isCounted = false
    tell(.exited(kernel.id, generation: kernel.generation, info))
    lose(kernel)
  }

  // MARK: What the host looks at

  /// Tells how many clients each kernel has, if that changed.
  func countConnections() {
    guard !isCounted else { return }
    isCounted = true
    tell(.connections(connections))
  }

  func sampleKernels() {
    var samples: [KernelID: Sample] = [:]
    for kernel in processes.values where kernel.isReady {
      if let sample = kernel.sample(now) { samples[kernel.id] = sample }
    }
    tell(.samples(samples))
    plan(.sample, in: scenario.host.samples)
  }
}
