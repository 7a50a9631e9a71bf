// The kernels of a simulated world: started, answering, hanging, crashing, ended; with or without a host.
import FleetEngine

extension World {
  func launch(_ kernel: Kernel) throws {
    if strangers.contains(kernel.port) || mishap(.portTaken, 60) {
      return fail(kernel, LaunchFailure(reason: "port \(kernel.port) is taken", portTaken: true))
    }
    if mishap(.launchFails, 30) { return fail(kernel, LaunchFailure(reason: "no memory")) }
    try checkProcess(kernel)
    try checkLimits(kernel)
    lastPid += 2
    let pid = lastPid
    tally.processes += 1
    processes[pid] = SimulatedProcess(
      pid: pid, seen: Process(shim: freePid, kernel: freePid + 1, startedAt: wallTime), id: kernel.id,
      generation: kernel.generation, nonce: kernel.nonce, obeysRequests: !random.one(in: 4),
      obeysTermination: !random.one(in: 4))
    livePids[kernel.id] = pid
    drivers.followed.insert(pid)
    record("process \(pid) of \(kernel.serial).\(kernel.generation)")
    tell(.launched(kernel.id, generation: kernel.generation, processes[pid]!.seen))
    planLife(pid)
  }

  private var wallTime: Int64 { now / World.millisecond + wallClock }

  /// The system hands out the lowest that nobody has, so that most pids were somebody else's before.
  private var freePid: Int32 {
    let taken = Set(processes.values.map(\.seen.shim))
    return stride(from: 100, to: Int32.max, by: 2).first { !taken.contains($0) } ?? 0
  }

  private func fail(_ kernel: Kernel, _ failure: LaunchFailure) {
    tell(.launchFailed(kernel.id, generation: kernel.generation, failure))
  }

  private func planLife(_ pid: Int32) {
    let soon = 0...(100 * World.millisecond)
    if isCalm { return plan(.process(pid, .answer), in: soon) }
    let luck = random.below(40)
    switch fate.strikes(.startFails, luck < 5) ? luck : 40 {
    case 0: plan(.process(pid, .crash(ExitInfo(code: 1, detail: "syntax error"))), in: soon)
    case 1: plan(.process(pid, .crash(ExitInfo(code: 98))), in: soon)
    case 2: plan(.process(pid, .crash(ExitInfo(code: 0))), in: soon)
    case 3: break  // It never answers.
    case 4: plan(.process(pid, .answer), in: (50 * World.second)...(70 * World.second))
    default:
      plan(.process(pid, .answer), in: soon)
      planEnd(pid)
    }
  }

  private func planEnd(_ pid: Int32) {
    let info = random.one(in: 6) ? ExitInfo(code: 0) : ExitInfo(signal: random.pick([6, 9, 11]))
    switch random.below(4) {
    case 0: if fate.strikes(.kernelDies, true) { plan(.process(pid, .crash(info)), in: 0...(4 * World.second)) }
    case 1: if fate.strikes(.kernelDies, true) { plan(.process(pid, .crash(info)), in: 0...(120 * World.second)) }
    case 2: if fate.strikes(.kernelHangs, true) { plan(.process(pid, .hang), in: 0...(60 * World.second)) }
    default: break
    }
  }

  func processActs(_ pid: Int32, _ act: ProcessAct) {
    guard let process = processes[pid] else { return }
    switch act {
    case .answer:
      processes[pid]!.answers = true
      reply(pid)
    case .hang:
      guard !isCalm else { return }
      processes[pid]!.isHung = true
      plan(.process(pid, .resume), in: 0...(60 * World.second))
    case .resume:
      processes[pid]!.isHung = false
      reply(pid)
    case .crash(let info): if !isCalm, !process.isHung { end(process, info) }
    case .leave(let info): end(process, info)
    }
  }

  private func end(_ process: SimulatedProcess, _ info: ExitInfo) {
    processes[process.pid] = nil
    livePids[process.id] = nil
    // A shim that is killed leaves no record.
    var told = mishap(.exitUnrecorded, 15) ? ExitInfo(isLost: true) : info
    told.endedAt = wallTime
    if !told.isLost { exitRecords[process.nonce] = told }
    record("process \(process.pid) ends: \(told.reason(limits: Limits()))")
    if drivers.followed.contains(process.pid) {
      drivers.ends[process.id] = (process.generation, now)
      tell(.exited(process.id, generation: process.generation, told))
    }
  }

  func killSomebody() {
    guard let pid = livePids.values.sorted().randomElement(using: &random), fate.strikes(.kernelDies, true) else {
      return
    }
    processActs(pid, .crash(ExitInfo(signal: 9)))
  }

  // MARK: What the host's drivers do

  private func process(of kernel: Kernel) -> SimulatedProcess? {
    guard let pid = livePids[kernel.id], let process = processes[pid], process.generation == kernel.generation else {
      return nil
    }
    return process
  }

  func probe(_ kernel: Kernel) {
    drivers.probed[kernel.id] = kernel.generation
    if let process = process(of: kernel) { reply(process.pid) }
  }

  private func reply(_ pid: Int32) {
    guard let process = processes[pid], process.answers, !process.isHung,
      drivers.probed[process.id] == process.generation
    else { return }
    drivers.probed[process.id] = nil
    tell(.ready(process.id, generation: process.generation))
  }

  func adopt(_ kernel: Kernel) {
    if let process = process(of: kernel) {
      drivers.followed.insert(process.pid)
    } else {
      // It ended between the look and the watch.
      tell(.exited(kernel.id, generation: kernel.generation, exitRecords[kernel.nonce] ?? ExitInfo(isLost: true)))
    }
  }

  func requestShutdown(_ kernel: Kernel) {
    guard let process = process(of: kernel), process.obeysRequests, !process.isHung else { return }
    plan(.process(process.pid, .leave(ExitInfo(code: 0))), in: 0...(2 * World.second))
  }

  func signal(_ kernel: Kernel, _ signal: StopSignal) {
    guard let process = process(of: kernel) else { return }
    switch signal {
    case .terminate:
      // SIGCONT comes with it.
      plan(.process(process.pid, .resume), in: 0...0)
      guard process.obeysTermination else { return }
      plan(.process(process.pid, .leave(ExitInfo(signal: 15))), in: 0...World.second)
    case .kill:
      let limit = random.one(in: 20) ? 5 * World.second : 20 * World.millisecond
      plan(.process(process.pid, .leave(ExitInfo(signal: 9))), in: 0...limit)
    }
  }

  func removeFiles(_ kernel: Kernel) throws {
    try checkRemoval(kernel)
    if isLentOnly(kernel) { clients.released.insert(kernel.id) }
    if kernel.isDraining { tally.retired += 1 }
    for generation in 1...kernel.generation { exitRecords["\(kernel.id.uuid).\(generation)"] = nil }
  }

  /// Heartbeats, busy and idle, connections; some of them are lost.
  func chatter() {
    for (id, generation) in drivers.watched {
      guard let pid = livePids[id], let process = processes[pid], process.generation == generation else { continue }
      if isCalm || !fate.strikes(.newsLost, random.one(in: 4)) {
        tell(.heartbeat(id, generation: generation, alive: !process.isHung))
      }
      if random.one(in: 3), !process.isHung {
        tell(.activity(id, generation: generation, busy: random.one(in: 2)))
      }
    }
    if random.one(in: 3) { countConnections() }
    if random.one(in: 10) {
      tell(.samples(Dictionary(uniqueKeysWithValues: drivers.watched.map { ($0.id, sample()) })))
    }
    if random.one(in: 10) { tell(.conditions(source: "host", anyConditions())) }
  }

  /// Nobody is connected any more, and nothing runs.
  func everybodyLeaves() {
    tell(.connections([:]))
    for (id, generation) in drivers.watched { tell(.activity(id, generation: generation, busy: false)) }
  }

  private func sample() -> Sample { Sample(memory: Int64(random.below(3)), cpu: Double(random.below(3))) }

  func countConnections() {
    guard isChattering else { return tell(.connections([:])) }
    var counts: [KernelID: Int] = [:]
    for (id, _) in drivers.watched where random.one(in: 3) { counts[id] = random.below(4) }
    tell(.connections(counts))
  }
}
