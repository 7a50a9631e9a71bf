// What a kernel may use at most, as typed values that were checked when they were read.

/// A share of the machine's processors: 0.5 is half of one core, 2 are two cores.
public struct CPUShare: Sendable, Hashable, CustomStringConvertible {
  public let cores: Double

  /// The texts that are shares, as a regular expression; some are too large or too small to be one.
  public static let pattern = "^[0-9]+(\\.[0-9]+)?%?$"

  public init(cores: Double) throws(ValueError) {
    guard cores >= 0.01, cores <= 4096 else {
      throw ValueError(
        "\(CPUShare.text(cores)) is no share of processors; 0.5 is half a core, 2 are two, 0.01 is the least")
    }
    self.cores = cores
  }

  /// "0.5", "2" or "50%".
  public init(parsing text: String) throws(ValueError) {
    let percent = text.hasSuffix("%")
    guard let value = Double(percent ? text.dropLast() : text[...]), value.isFinite else {
      throw ValueError("\"\(text)\" is no share of processors; write 0.5 or 50% for half a core")
    }
    try self.init(cores: percent ? value / 100 : value)
  }

  public var description: String { Self.text(cores) }

  private static func text(_ cores: Double) -> String {
    Int64(exactly: cores).map { "\($0)" } ?? "\(cores)"
  }
}

/// A scheduling priority as `nice` has it: −20 is the most urgent, 19 the least.
public struct Niceness: Sendable, Hashable, CustomStringConvertible {
  public let value: Int

  public init(_ value: Int64) throws(ValueError) {
    guard (-20...19).contains(value) else { throw ValueError("\(value) is no priority; nice goes from -20 to 19") }
    self.value = Int(value)
  }

  public init(parsing text: String) throws(ValueError) {
    guard let value = Int64(text) else { throw ValueError("\"\(text)\" is no priority; nice goes from -20 to 19") }
    try self.init(value)
  }

  public var description: String { String(value) }
}

/// A number of things, at least one.
public struct PositiveCount: Sendable, Hashable, CustomStringConvertible {
  public let value: Int

  /// - Parameter least: what is said to be the least; the caller says why less than that will not do.
  public init(parsing text: String, least: Int = 1) throws(ValueError) {
    guard let value = Int64(text) else { throw ValueError("\"\(text)\" is no whole number") }
    guard value >= 1, let small = Int32(exactly: value) else {
      throw ValueError("\(value) is out of range; write a whole number from \(least) to \(Int32.max)")
    }
    self.value = Int(small)
  }

  public var description: String { String(value) }
}

/// The limits of one kernel; nil where nothing was said.
public struct Limits: Sendable, Hashable {
  public var memory: ByteCount?
  public var cpu: CPUShare?
  public var nice: Niceness?
  public var processes: PositiveCount?
  public var openFiles: PositiveCount?
  /// Of one file that the kernel writes.
  public var fileSize: ByteCount?

  public init(
    memory: ByteCount? = nil, cpu: CPUShare? = nil, nice: Niceness? = nil, processes: PositiveCount? = nil,
    openFiles: PositiveCount? = nil, fileSize: ByteCount? = nil
  ) {
    self.memory = memory
    self.cpu = cpu
    self.nice = nice
    self.processes = processes
    self.openFiles = openFiles
    self.fileSize = fileSize
  }

  /// These limits, and where they say nothing the others.
  public func over(_ fallback: Limits) -> Limits {
    Limits(
      memory: memory ?? fallback.memory, cpu: cpu ?? fallback.cpu, nice: nice ?? fallback.nice,
      processes: processes ?? fallback.processes, openFiles: openFiles ?? fallback.openFiles,
      fileSize: fileSize ?? fallback.fileSize)
  }
}

// Limits below which no kernel works: told when they are read, not by a kernel that dies of them. `fleet-kernel`, which
// needs the least, answers with 28 descriptors and four processes and threads (measured).
extension Limits {
  public static let leastProcesses = 4
  public static let leastOpenFiles = 32

  /// - Throws: when it is no size, or less than 1 MiB.
  public static func memory(parsing text: String) throws(ValueError) -> ByteCount {
    let size = try ByteCount(parsing: text)
    guard size.bytes >= 1 << 20 else {
      throw ValueError("\(size) is too little for a kernel; the least is 1M, and saying nothing is no limit")
    }
    return size
  }

  /// - Throws: when it is no whole number, or less than 32.
  public static func openFiles(parsing text: String) throws(ValueError) -> PositiveCount {
    let count = try PositiveCount(parsing: text, least: leastOpenFiles)
    guard count.value >= leastOpenFiles else {
      throw ValueError("\(count) open files are too few for a kernel; the least is \(leastOpenFiles)")
    }
    return count
  }

  /// - Throws: when it is no whole number, or less than 4: a kernel has threads, which count.
  public static func processes(parsing text: String) throws(ValueError) -> PositiveCount {
    let count = try PositiveCount(parsing: text, least: leastProcesses)
    guard count.value >= leastProcesses else {
      throw ValueError(
        "\(count) processes are too few for a kernel, whose threads count; the least is \(leastProcesses)")
    }
    return count
  }

  /// - Throws: when it is no size, or less than 64 KiB: a kernel writes files of its own, such as its history.
  public static func fileSize(parsing text: String) throws(ValueError) -> ByteCount {
    let size = try ByteCount(parsing: text)
    guard size.bytes >= 64 << 10 else {
      throw ValueError("\(size) is too little for the files that a kernel itself writes; the least is 64K")
    }
    return size
  }
}
