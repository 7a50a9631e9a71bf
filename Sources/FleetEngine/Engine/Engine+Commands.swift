// What clients ask for.

/// A client that waits for a kernel to start or to end.
struct Waiting: Sendable {
  var ticket: Ticket
  var purpose: Purpose

  enum Purpose: Sendable {
    case start, stop
    case find(Decision)
  }
}

extension Engine {
  mutating func handle(_ command: Command, _ ticket: Ticket, _ now: Instant) {
    switch command {
    case .spawn(let new): spawn(new, ticket, now)
    case .find(let requirements, let candidate): find(requirements, candidate, ticket, now)
    case .stop(let id, let force, let timeout, let by): stop(id, force: force, timeout: timeout, by, ticket, now)
    case .restart(let id): restart(id, ticket, now)
    case .interrupt(let id): interrupt(id, ticket)
    case .cleanup: cleanup(ticket)
    }
  }

  /// A new row, whose launch follows when it is on the disk.
  mutating func add(_ new: NewKernel, _ now: Instant) throws(EngineError) -> KernelID {
    let specification = new.specification
    if let name = specification.name { try checkName(name, for: specification.owner) }
    let port = try choosePort(specification, now)
    if let holder = references[new.id.description] {
      throw EngineError(.nameTaken, "the id \(new.id) is taken by a kernel with UUID \(holder.uuid); try again")
    }
    takeSerial()
    var kernel = Kernel(
      id: new.id, serial: totalSpawned, specification: specification, key: new.key, port: port)
    kernel.portAttempts = 1
    references.add(&kernel)
    kernels[new.id] = kernel
    ports.take(port, for: new.id)
    touched.append(new.id)
    note(new.id, .spawned, describe(specification) + " on port \(port)")
    saveIntent(new.id)
    return new.id
  }

  /// Not one whose user another kernel still is.
  private mutating func takeSerial() {
    repeat {
      totalSpawned += 1
    } while totalSpawned > Kernel.users
      && kernels.values.contains { $0.userOffset == Kernel.userOffset(ofSerial: totalSpawned) }
  }

  /// - Parameter owner: who asks; whose a name is otherwise is not told.
  func checkName(_ name: String, for owner: String) throws(EngineError) {
    if let problem = KernelName.problem(with: name) { throw EngineError(.badRequest, problem) }
    if let holder = references[name] {
      guard kernels[holder]!.specification.owner == owner else {
        throw EngineError(.nameTaken, "the name '\(name)' is taken; choose another")
      }
      let status = kernels[holder]!.status.rawValue
      throw EngineError(
        .nameTaken, "the name '\(name)' is taken by \(holder) (\(status)); choose another, or stop it")
    }
  }

  private func choosePort(_ specification: Specification, _ now: Instant) throws(EngineError) -> Int {
    guard let wanted = specification.port else {
      if let next = ports.next(now: now) { return next }
      throw EngineError(.limit, "no five free ports are left above \(configuration.basePort); stop some kernels")
    }
    guard (1...(65_536 - Ports.perKernel)).contains(wanted) else {
      throw EngineError(.badRequest, "port \(wanted) is outside 1…\(65_536 - Ports.perKernel)")
    }
    if let holder = ports.holder(of: wanted) {
      guard kernels[holder]!.specification.owner == specification.owner else {
        throw EngineError(.limit, "port \(wanted) is used by another kernel; choose another")
      }
      throw EngineError(
        .limit, "port \(wanted) is used by \(holder), which holds ports \(kernels[holder]!.port)…+4; choose another")
    }
    return wanted
  }

  private func describe(_ specification: Specification) -> String {
    specification.language + (specification.config.map { " with \(Requirements.fileName($0))" } ?? "")
  }

  mutating func wait(_ ticket: Ticket, _ purpose: Waiting.Purpose, for id: KernelID) {
    waiting[id, default: []].append(Waiting(ticket: ticket, purpose: purpose))
  }

  private mutating func stop(
    _ id: KernelID, force: Bool, timeout: Duration, _ by: Stopper, _ ticket: Ticket, _ now: Instant
  ) {
    guard let kernel = known(id, ticket) else { return }
    if case .refuse(let why) = kernel.status.step(on: .stopAsked) { return refuse(kernel, why, ticket) }
    wait(ticket, .stop, for: id)
    if kernel.stop == nil {
      let patience = force ? .zero : max(.zero, min(timeout, .seconds(86_400)))
      kernels[id]!.stop = StopProgress(step: .intent, timeout: patience, by: by)
    } else if force {
      kernels[id]!.stop!.timeout = .zero
    }
    if kernel.status == .stopping, kernel.afterStop != .remove {
      // The disk still says that it is to be started again.
      kernels[id]!.stop!.isSaved = false
      saveIntent(id)
    }
    kernels[id]!.afterStop = .remove
    trigger(.stopAsked, id, now)
  }

  private mutating func restart(_ id: KernelID, _ ticket: Ticket, _ now: Instant) {
    guard let kernel = known(id, ticket) else { return }
    if case .refuse(let why) = kernel.status.step(on: .restartAsked) { return refuse(kernel, why, ticket) }
    if kernel.isDraining { return refuse(kernel, "is being retired; spawn a new one", ticket) }
    if !kernel.status.isAlive, let pool = kernel.specification.pool, !mayComeBack(kernel) {
      return refuse(kernel, "cannot be started again: pool '\(pool)' is full", ticket)
    }
    wait(ticket, .start, for: id)
    kernels[id]!.recentExits = []
    kernels[id]!.crashesInARow = 0
    trigger(.restartAsked, id, now)
  }

  private mutating func interrupt(_ id: KernelID, _ ticket: Ticket) {
    guard let kernel = known(id, ticket) else { return }
    guard [.idle, .busy, .unhealthy].contains(kernel.status) else {
      return refuse(kernel, "is \(kernel.status.rawValue) and runs nothing", ticket)
    }
    effects.append(.interrupt(kernel))
    effects.append(.answer(ticket, .success(.kernel(kernel))))
  }

  private mutating func cleanup(_ ticket: Ticket) {
    let dead = kernels.values.filter { $0.status == .exited || $0.status == .failed }
    for kernel in dead { remove(kernel.id) }
    if dead.isEmpty {
      effects.append(.answer(ticket, .success(.removed([]))))
    } else {
      // Nothing on the disk says yet that they are to go.
      unsavedIsDurable = true
      afterCommit.append(.answer(ticket, .removed(dead), isSafe: false))
    }
  }

  private mutating func known(_ id: KernelID, _ ticket: Ticket) -> Kernel? {
    if let kernel = kernels[id] { return kernel }
    effects.append(.answer(ticket, .failure(EngineError(.kernelNotFound, "Kernel not found"))))
    return nil
  }

  private mutating func refuse(_ kernel: Kernel, _ why: String, _ ticket: Ticket) {
    effects.append(.answer(ticket, .failure(EngineError(.wrongState, "\(kernel.id) \(why)"))))
  }
}
