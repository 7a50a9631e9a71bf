// What the engine wants done. Effects are carried out in order; those that take time answer with events.

public enum Effect: Sendable {
  /// Start this launch of the kernel: `launched` or `launchFailed`, later `exited`.
  case launch(Kernel)
  /// Ask until it answers: `ready`.
  case probe(Kernel)
  /// Follow heartbeat and status: `heartbeat`, `activity`.
  case watch(Kernel)
  case unwatch(KernelID)
  /// Follow the end of a process that this host did not start: `exited`.
  case adopt(Kernel)
  case requestShutdown(Kernel)
  case interrupt(Kernel)
  case signal(Kernel, StopSignal)
  /// Write the changes: `committed` or `commitFailed`. Durable ones are synced to the disk before `committed`.
  case commit(sequence: Int, [RowChange], durable: Bool)
  /// Rows for the policies; ordered with `ask`.
  case rows([KernelRowChange])
  /// Ask the policies: `answered`.
  case ask(question: Int, PolicyQuestion)
  /// A decision was carried out; once for each question. The rows that its policies saw are those at the time of
  /// `ask` with the number `Decision.id`; or those of now, if nobody was asked and the native rule decided.
  case decided(Decision)
  /// Make so many new kernels of the pool's template: `provided`.
  case provide(pool: String, count: Int)
  /// Alerts began to fire or were resolved: people are to be told.
  case alerts([AlertChange])
  /// A kernel is to be retired if nobody is connected: look once more. `connections`.
  case countConnections
  /// Find out what the router's `spawn` means: `resolved`.
  case resolve(question: Int, config: String?, language: String?, Requirements)
  case answer(Ticket, Result<Reply, EngineError>)
  /// The kernel is gone: connection file, pid, exit and log go too.
  case removeFiles(Kernel)
  case note(Note)
  /// Send `tick` no later than this.
  case wake(at: Instant)
}

public enum StopSignal: Sendable, Hashable {
  /// SIGTERM and SIGCONT to the kernel.
  case terminate
  /// SIGKILL to everything below the shim.
  case kill
}

public enum RowChange: Sendable {
  /// `backoff` is what is left of a waiting kernel's delay.
  case put(Kernel, backoff: Duration?)
  case remove(KernelID)

  public var id: KernelID {
    switch self {
    case .put(let kernel, _): kernel.id
    case .remove(let id): id
    }
  }
}

public enum Reply: Sendable {
  case kernel(Kernel)
  case found(Kernel, Decision)
  case removed([Kernel])
}

/// A line of the story that `fleet show` and `/events` tell.
public struct Note: Sendable, Hashable {
  public var kernel: KernelID?
  public var event: Name
  public var detail: String

  public init(kernel: KernelID?, event: Name, detail: String) {
    self.kernel = kernel
    self.event = event
    self.detail = detail
  }

  public enum Name: String, Sendable, Hashable {
    case spawned, ready, died, restarting, restarted, failed, stopping, stopped, unhealthy, recovered, adopted
    case routed, storage, removed
    /// Of pools: a kernel was taken, its retirement began or was called off, the pool's number was changed.
    case claimed, draining, undrained, scaled
    case alert
  }
}
