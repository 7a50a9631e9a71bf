// What is to be started, with everything that the shim needs to know.

/// Limits of one kernel; nil is unlimited.
public struct LaunchLimits: Sendable, Hashable {
  /// Bytes.
  public var memory: Int64?
  /// CPUs: 0.5 is half of one. At least 0.01.
  public var cpu: Double?
  /// Processes and threads together.
  public var processes: Int?
  /// Descriptors of one process.
  public var openFiles: Int?
  /// Bytes of one file.
  public var fileSize: Int64?
  /// -20 … 19.
  public var nice: Int?

  public init(
    memory: Int64? = nil, cpu: Double? = nil, processes: Int? = nil, openFiles: Int? = nil, fileSize: Int64? = nil,
    nice: Int? = nil
  ) {
    self.memory = memory
    self.cpu = cpu
    self.processes = processes
    self.openFiles = openFiles
    self.fileSize = fileSize
    self.nice = nice
  }
}

/// When the shim starts a new log file, and how many old ones it keeps.
public struct LogRotation: Sendable, Hashable {
  /// Bytes; 0: never by size.
  public var size: Int64
  /// Old files `.1` (the newest) … `.keep`.
  public var keep: Int
  /// Seconds; 0: never by age. Looked at when something is written.
  public var age: Int64

  public init(size: Int64 = 10 << 20, keep: Int = 3, age: Int64 = 0) {
    self.size = size
    self.keep = keep
    self.age = age
  }
}

/// One launch of a kernel.
public struct LaunchRequest: Sendable, Hashable {
  /// Names the files: `<id>.lock`, `<id>.pid`, `<id>.exit`.
  public var id: String
  /// Tells this launch from any other of the same kernel.
  public var nonce: String
  /// The fleet directory.
  public var directory: String
  /// The program, looked up in the `PATH` of `environment` unless it holds a slash, and its arguments.
  public var arguments: [String]
  /// All of the kernel's environment: nothing is added.
  public var environment: [String: String]
  public var logFile: String
  public var rotation: LogRotation
  public var limits: LaunchLimits
  public var hardening: LaunchHardening
  /// Which directory `directory` must be; nil: whichever it is.
  public var directoryIdentity: DirectoryIdentity?
  /// Where the kernel starts; nil: where the host is.
  public var workingDirectory: String?
  /// Start it even if a limit or a hardening cannot be enforced.
  public var isBestEffort: Bool

  public init(
    id: String, nonce: String, directory: String, arguments: [String], environment: [String: String], logFile: String,
    rotation: LogRotation = LogRotation(), limits: LaunchLimits = LaunchLimits(), hardening: LaunchHardening = .init(),
    directoryIdentity: DirectoryIdentity? = nil, workingDirectory: String? = nil,
    isBestEffort: Bool = false
  ) {
    self.id = id
    self.nonce = nonce
    self.directory = directory
    self.arguments = arguments
    self.environment = environment
    self.logFile = logFile
    self.rotation = rotation
    self.limits = limits
    self.hardening = hardening
    self.directoryIdentity = directoryIdentity
    self.workingDirectory = workingDirectory
    self.isBestEffort = isBestEffort
  }
}

extension LaunchRequest {
  /// The command line of the shim.
  func shimArguments(shim: String, roots: CgroupRoots) -> [String] {
    var line = [shim, "--dir", directory, "--id", id, "--nonce", nonce, "--log", logFile]
    func add(_ option: String, _ value: (some CustomStringConvertible)?) {
      if let value { line += ["--" + option, value.description] }
    }
    add("log-size", rotation.size)
    add("log-keep", rotation.keep)
    add("log-age", rotation.age)
    add("memory", limits.memory)
    add("cpu", limits.cpu.map(Self.plainDecimal))
    add("processes", limits.processes)
    add("open-files", limits.openFiles)
    add("file-size", limits.fileSize)
    add("nice", limits.nice)
    for (name, path) in roots.named { line += ["--cgroup-root", "\(name)=\(path)"] }
    add("cwd", workingDirectory)
    add("dir-inode", directoryIdentity.map { "\($0.device):\($0.inode)" })
    line += hardening.arguments
    if isBestEffort { line.append("--best-effort") }
    return line + ["--"] + arguments
  }

  /// In hundred-thousandths, without an exponent: `Double.description` writes 1e-05.
  private static func plainDecimal(_ value: Double) -> String {
    let units = Int64((min(max(value, 0), 100_000) * 100_000).rounded())
    let fraction = String(units % 100_000)
    return "\(units / 100_000)." + String(repeating: "0", count: 5 - fraction.count) + fraction
  }
}
