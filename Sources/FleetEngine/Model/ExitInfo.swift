// How a process ended.

public struct ExitInfo: Sendable, Hashable {
  /// The exit code; nil if a signal ended it or nothing is known.
  public var code: Int?
  public var signal: Int?
  /// The kernel of the system ended it because a memory limit was reached.
  public var outOfMemory: Bool
  /// What it had used up, if that ended it.
  public var limit: Limit?
  /// It ended because nobody had used it for as long as it was told to wait.
  public var isIdle: Bool
  /// It ended while no host ran; the next one found what its shim had written.
  public var isUnseen: Bool
  /// Whatever else is known: what the shim said, the last lines of the log.
  public var detail: String?
  /// Milliseconds since 1970; for people.
  public var endedAt: Int64?
  /// No launch of this nonce ever happened, or its record is lost.
  public var isLost: Bool

  public init(
    code: Int? = nil, signal: Int? = nil, outOfMemory: Bool = false, limit: Limit? = nil, isIdle: Bool = false,
    isUnseen: Bool = false, detail: String? = nil, endedAt: Int64? = nil, isLost: Bool = false
  ) {
    self.code = code
    self.signal = signal
    self.outOfMemory = outOfMemory
    self.limit = limit
    self.isIdle = isIdle
    self.isUnseen = isUnseen
    self.detail = detail
    self.endedAt = endedAt
    self.isLost = isLost
  }

  /// Which limit a process had reached.
  public enum Limit: String, Sendable, Hashable {
    /// Its own.
    case memory
    /// That of the host's own group, or the memory of the machine: its own was not reached.
    case machineMemory = "machine_memory"
    /// SIGXFSZ.
    case fileSize = "file_size"
    /// SIGXCPU: seconds of processor time that somebody else limited, for Fleet limits only its share.
    case cpuTime = "cpu_time"
  }

  public var isClean: Bool { code == 0 }

  /// Exit codes by which a kernel says that a port of its connection file is taken (`fleet-kernel`'s own).
  public var isPortTaken: Bool { code == 98 }

  /// For people: "exited with code 1", "killed by SIGKILL", "out of memory: its limit of 64 MiB".
  public func reason(limits: Limits) -> String {
    let reason = plainReason(limits)
    return isUnseen ? reason + ", while no host ran" : reason
  }

  private func plainReason(_ limits: Limits) -> String {
    if outOfMemory {
      let own = limit == .machineMemory ? nil : limits.memory
      return "out of memory" + (own.map { ": its limit of \(Self.mebibytes($0))" } ?? ": of the machine")
    }
    switch limit {
    case .fileSize:
      return "killed by SIGXFSZ: it wrote a file larger than "
        + (limits.fileSize.map { "its limit of \(Self.mebibytes($0))" } ?? "it may")
    case .cpuTime: return "killed by SIGXCPU: its limit of processor time"
    case .memory, .machineMemory, nil: break
    }
    if isIdle { return "ended by itself: nobody had used it for as long as its idle time-out" }
    if let signal { return "killed by \(Self.name(ofSignal: signal))" }
    if let code { return "exited with code \(code)" }
    return "ended, and left no record of how (its shim was killed, and the kernel with it)"
  }

  /// The same as a clause: "it was killed by SIGKILL".
  func clause(limits: Limits) -> String {
    let reason = reason(limits: limits)
    if outOfMemory { return "it ran \(reason)" }
    return signal == nil ? "it \(reason)" : "it was \(reason)"
  }

  private static func mebibytes(_ bytes: Int64) -> String {
    if bytes % (1 << 20) == 0 { return "\(bytes >> 20) MiB" }
    return bytes % (1 << 10) == 0 ? "\(bytes >> 10) KiB" : "\(bytes) bytes"
  }

  /// The names of signal(7) on Linux; the number for others.
  public static func name(ofSignal number: Int) -> String {
    let names = [
      1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL",
      10: "SIGUSR1", 11: "SIGSEGV", 12: "SIGUSR2", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM", 24: "SIGXCPU",
      25: "SIGXFSZ", 31: "SIGSYS",
    ]
    return names[number] ?? "signal \(number)"
  }
}
