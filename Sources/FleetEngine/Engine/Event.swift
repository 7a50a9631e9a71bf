// What the engine is told. Every event about a process names the launch (generation) that it speaks of.

/// Whom an answer is for; chosen by the host.
public struct Ticket: Sendable, Hashable {
  public let number: Int
  public init(_ number: Int) { self.number = number }
}

public enum Event: Sendable {
  case command(Ticket, Command)
  case launched(KernelID, generation: Int, Process)
  case launchFailed(KernelID, generation: Int, LaunchFailure)
  /// The first `kernel_info_reply`.
  case ready(KernelID, generation: Int)
  case exited(KernelID, generation: Int, ExitInfo)
  case heartbeat(KernelID, generation: Int, alive: Bool)
  case activity(KernelID, generation: Int, busy: Bool)
  /// Established clients of all kernels; who is not named has none.
  case connections([KernelID: Int])
  /// What the kernels' processes use; who is not named was not measured.
  case samples([KernelID: Sample])
  /// New kernels of a pool, as `provide` wanted them, or why there are none.
  case provided(pool: String, Result<[NewKernel], EngineError>)
  /// Conditions that a part of the host found; they replace those that it found before.
  case conditions(source: String, [AlertCondition])
  case committed(sequence: Int)
  case commitFailed(sequence: Int, reason: String)
  case answered(question: Int, PolicyAnswer)
  case resolved(question: Int, Result<Specification, EngineError>)
  /// Once, before anything else: the rows of the registry and what was found of each.
  case recovered([Recovered])
  /// Time has passed.
  case tick

  /// Of policies or of the resolver.
  var isAnswer: Bool {
    switch self {
    case .answered, .resolved: true
    default: false
    }
  }
}

public enum Command: Sendable {
  case spawn(NewKernel)
  case find(Requirements, candidate: Candidate)
  case stop(KernelID, force: Bool, timeout: Duration, by: Stopper = .client(nil))
  case restart(KernelID)
  case interrupt(KernelID)
  /// Remove the rows of kernels that have ended.
  case cleanup
}

/// Everything about a new kernel that the engine cannot make by itself: randomness and files.
public struct NewKernel: Sendable, Hashable {
  public var id: KernelID
  public var key: String
  public var specification: Specification
  /// Nothing speaks against a kernel that runs already: no environment of its own, no port.
  public var mayTakeWarm: Bool

  public init(id: KernelID, key: String, specification: Specification, mayTakeWarm: Bool = false) {
    self.id = id
    self.key = key
    self.specification = specification
    self.mayTakeWarm = mayTakeWarm
  }
}

/// What is started if the router wants a new kernel for a request.
public struct Candidate: Sendable {
  public var id: KernelID
  public var key: String
  /// The error if the request does not say enough for a new kernel, though it may be enough to find one.
  public var specification: Result<Specification, EngineError>
  /// As that of `NewKernel`.
  public var mayTakeWarm: Bool

  public init(
    id: KernelID, key: String, specification: Result<Specification, EngineError>, mayTakeWarm: Bool = false
  ) {
    self.id = id
    self.key = key
    self.specification = specification
    self.mayTakeWarm = mayTakeWarm
  }
}

public struct LaunchFailure: Error, Sendable, Hashable {
  /// A sentence.
  public var reason: String
  /// The base port is another program's: the next one is tried.
  public var portTaken: Bool
  /// What the client is told that asked for the start.
  public var code: EngineError.Code

  public init(reason: String, portTaken: Bool = false, code: EngineError.Code = .startFailed) {
    self.reason = reason
    self.portTaken = portTaken
    self.code = code
  }
}

/// A row of the registry and what became of its process while no host ran.
public struct Recovered: Sendable {
  public var kernel: Kernel
  public var fate: Fate
  /// What was left of a backoff when the row was written.
  public var backoff: Duration?
  /// The machine was started anew since the row was written.
  public var isOtherBoot: Bool

  public enum Fate: Sendable {
    case running(Process)
    case ended(ExitInfo)
    /// No process, and no record of an end.
    case absent
    case unknown(String)
  }

  var mayRun: Bool {
    switch fate {
    case .running, .unknown: true
    case .ended, .absent: false
    }
  }

  public init(kernel: Kernel, fate: Fate, backoff: Duration? = nil, isOtherBoot: Bool = false) {
    self.kernel = kernel
    self.fate = fate
    self.backoff = backoff
    self.isOtherBoot = isOtherBoot
  }
}
