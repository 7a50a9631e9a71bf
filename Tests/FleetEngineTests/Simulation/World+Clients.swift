// The clients of a simulated world: they start, find, stop, restart and clean up, and remember what they were told.
import FleetEngine

struct Clients {
  enum Request {
    case spawn, find, cleanup
    case stop(KernelID)
    case restart(KernelID)
    case interrupt
  }

  /// Requests without an answer.
  var open: [Ticket: Request] = [:]
  /// Kernels that somebody was told of, and those of them that somebody has let go since.
  var acknowledged: Set<KernelID> = []
  var released: Set<KernelID> = []
  /// The limits that kernels were asked for with.
  var asked: [KernelID: Limits] = [:]
  /// Kernels of which somebody was told that they are gone.
  var gone: Set<KernelID> = []
  /// Kernels that were given to somebody who asked for one of his own.
  var owned: Set<KernelID> = []
  var lastTicket = 0
  var lastKernel = 0

  /// The host was killed, and their connections with it.
  mutating func loseHost() { open = [:] }

  /// Mostly busy, sometimes nobody comes for a while.
  func pause(_ random: inout SplitMix64) -> Int64 {
    switch random.below(80) {
    case 0: 90 * World.second
    case 1...4: 5 * World.second
    default: 300 * World.millisecond
    }
  }
}

extension World {
  func clientActs() throws {
    guard !isCalm, let engine else { return }
    let ids = Array(engine.kernels.keys)
    let isCrowded = ids.count >= 10
    guard fate.strikes(.request, true) else { return }
    switch random.below(21) {
    case 0...4: if !isCrowded { try ask(.spawn, .spawn(newKernel(specification()))) }
    case 5...10: try find(isCrowded: isCrowded)
    case 11, 12, 13: if let id = ids.randomElement(using: &random), random.one(in: isCrowded ? 1 : 2) { try stop(id) }
    case 14, 15: if let id = ids.randomElement(using: &random) { try ask(.restart(id), .restart(id)) }
    case 16: if let id = ids.randomElement(using: &random) { try ask(.interrupt, .interrupt(id)) }
    case 17: try cleanUp(engine)
    // Two who meet on one kernel.
    case 18:
      guard let id = ids.randomElement(using: &random) else { return }
      try ask(.restart(id), .restart(id))
      try stop(id)
    // Whoever was chosen is stopped while it is being chosen.
    case 19:
      try find(isCrowded: isCrowded)
      for id in ids where random.one(in: 3) { try stop(id) }
    default: try stop(.number(1 + random.below(max(1, clients.lastKernel))))
    }
  }

  private func ask(_ request: Clients.Request, _ command: Command) throws {
    guard engine != nil else { return }
    clients.lastTicket += 1
    let ticket = Ticket(clients.lastTicket)
    clients.open[ticket] = request
    tally.requests += 1
    try handle(.command(ticket, command))
  }

  private func specification() -> Specification {
    let name = random.one(in: 4) ? "name\(random.below(6))" : nil
    let port = random.one(in: 10) ? 9550 + random.below(40) : nil
    var wanted = Specification.lua(name: name, config: random.one(in: 3) ? "/etc/openai.toml" : nil, port: port)
    if random.one(in: 4) { wanted.limits = Limits(memory: Int64(500 + 1000 * random.below(2)), nice: random.below(20)) }
    if !configuration.pools.isEmpty, random.one(in: 3) { wanted.pool = random.pick(["a", "b", "nowhere"]) }
    if configuration.entries.contains(.admit), random.one(in: 4) { wanted.language = PolicySeat.quotaLanguage }
    return wanted
  }

  func newKernel(_ specification: Specification) -> NewKernel {
    clients.lastKernel += 1
    let id = KernelID.number(clients.lastKernel)
    clients.asked[id] = specification.limits
    return NewKernel(id: id, key: "key", specification: specification, mayTakeWarm: random.one(in: 2))
  }

  private func find(isCrowded: Bool) throws {
    let isQuota = random.one(in: 4)
    let session = random.one(in: 3) ? "session\(random.below(5))" : nil
    let wanted = Requirements(language: isQuota ? PolicySeat.quotaLanguage : "lua", session: session)
    let specification = Specification(kernelspec: "lua", language: wanted.language ?? "lua")
    let new = newKernel(specification)
    let isVague = isCrowded || random.one(in: 10)
    let result: Result<Specification, EngineError> =
      isVague ? .failure(EngineError(.badRequest, "say more")) : .success(specification)
    try ask(
      .find,
      .find(wanted, candidate: Candidate(id: new.id, key: new.key, specification: result, mayTakeWarm: new.mayTakeWarm))
    )
  }

  private func stop(_ id: KernelID) throws {
    clients.released.insert(id)
    let timeout = Duration.milliseconds(random.below(6000))
    try ask(.stop(id), .stop(id, force: random.one(in: 4), timeout: timeout))
  }

  private func cleanUp(_ engine: Engine) throws {
    for kernel in engine.kernels.values where kernel.status == .exited || kernel.status == .failed {
      clients.released.insert(kernel.id)
    }
    try ask(.cleanup, .cleanup)
  }

  func answered(_ ticket: Ticket, _ result: Result<Reply, EngineError>) throws {
    guard let request = clients.open.removeValue(forKey: ticket) else {
      throw Violation("ticket \(ticket.number) was answered, but nobody waits for that")
    }
    try checkOwner(request, result)
    switch (request, result) {
    case (.spawn, .success(.kernel(let kernel))), (.find, .success(.found(let kernel, _))),
      (.restart, .success(.kernel(let kernel))):
      clients.acknowledged.insert(kernel.id)
    case (.interrupt, .success(.kernel)), (_, .failure): break
    case (.stop(let id), .success(.kernel(let kernel))) where kernel.id == id: clients.gone.insert(id)
    case (.cleanup, .success(.removed(let kernels))): clients.gone.formUnion(kernels.map(\.id))
    default: throw Violation("\(request) was answered by \(result)")
    }
  }
}
