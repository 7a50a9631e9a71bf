// What a host is asked to do while the n-th call on its files kills it or fails, and what must be true afterwards.
import FleetClient
import Glibc
import JSON
import JupyterProtocol

enum Operation: String, CaseIterable, Sendable {
  case spawn, stop, restart
  /// A host starts and finds kernels that live, one that was killed and one that ended by itself.
  case adopt
}

/// What a client was told.
enum Told: Sendable {
  case done
  case refused(String)
  /// Nothing: the host went away.
  case nothing

  init(_ error: any Error) {
    if case .refused(_, _, let message) = error as? FleetClientError {
      self = .refused(message)
    } else {
      self = .nothing
    }
  }

  var isDone: Bool { if case .done = self { true } else { false } }
}

/// The kernels that an operation is about.
struct Cast: Sendable {
  /// The one that is spawned, stopped or restarted; for `adopt`, one that lives.
  var victim: KernelRow?
  var name: String
  /// Killed, and ended by itself, while no host ran.
  var killed: KernelRow?
  var ended: KernelRow?
}

extension FaultFleet {
  func spawn(_ name: String) throws -> KernelRow {
    // Variables make a file of their own.
    let kernel = try client().spawn(["language": "lua", "name": .string(name), "env_vars": ["SECRET": "s"]])
    return KernelRow(kernel["kernel"] ?? .null)
  }

  /// What has to be there before the operation.
  func prepare(_ operation: Operation, _ name: String) throws -> Cast {
    var cast = Cast(name: name)
    if operation != .spawn { cast.victim = try spawn(name) }
    if operation == .adopt {
      let (killed, ended) = (try spawn(name + "-killed"), try spawn(name + "-ended"))
      (cast.killed, cast.ended) = (killed, ended)
      try killHost()
      kill(killed.pid, SIGKILL)
      try KernelClient(ConnectionFile(reading: ended.connectionFile)).shutdown()
      try wait(for: "both to end") {
        FleetProcess.isAlive(killed.shim) || FleetProcess.isAlive(ended.shim) ? "they live" : nil
      }
    }
    return cast
  }

  /// Does it, and tells what the client was told.
  func perform(_ operation: Operation, _ cast: Cast) throws -> Told {
    do {
      switch operation {
      case .spawn: _ = try spawn(cast.name)
      case .stop: _ = try client().stop(cast.name)
      case .restart: _ = try client().restart(cast.name)
      case .adopt:
        if let end = try startHost() {
          if end.isCrash { throw Problem("the host crashed: \(end)") }
          return .nothing
        }
      }
      return .done
    } catch let error as FleetClientError {
      return Told(error)
    }
  }

  /// What must be true when the next host has settled; nil if it is.
  func verdict(_ operation: Operation, _ cast: Cast, _ told: Told, isDeadly: Bool) throws -> String? {
    let rows = try rows()
    let mine = rows.filter { $0.name == cast.name }
    if mine.count > 1 { return "\(cast.name) is there twice" }
    switch operation {
    case .spawn:
      if told.isDone, mine.first?.answers != true { return "\(cast.name) was acknowledged and is lost: \(mine)" }
      if let kernel = mine.first, !kernel.answers { return "\(cast.name) was half started and is \(kernel.status)" }
    case .stop:
      if told.isDone, let kernel = mine.first { return "\(cast.name) was stopped and is \(kernel.status) again" }
    case .restart:
      guard let kernel = mine.first else { return "\(cast.name) was to be restarted and is lost" }
      if told.isDone, kernel.pid == cast.victim?.pid { return "\(cast.name) was restarted and is the old process" }
      // Where its end could be carried out but not written, the next host finds that it ended.
      let isKnown = kernel.answers || (!isDeadly && ["exited", "failed"].contains(kernel.status))
      if !isKnown { return "\(cast.name) was to be restarted and is \(kernel.status)" }
    case .adopt:
      guard let kernel = mine.first, kernel.pid == cast.victim?.pid, kernel.answers else {
        return "\(cast.name) lived and is lost: \(mine)"
      }
      guard let killed = rows.first(where: { $0.name == cast.killed?.name }), killed.answers else {
        return "the killed kernel was not started again: \(rows)"
      }
      guard rows.first(where: { $0.name == cast.ended?.name })?.status == "exited" else {
        return "the ended kernel is not known as ended: \(rows)"
      }
    }
    return nil
  }
}
