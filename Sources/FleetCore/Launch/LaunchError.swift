// Why a kernel could not be started, in words that say what to do.

/// A start that failed. Nothing of it is left: no process, no control group, no pid file.
public struct LaunchError: Error, Hashable, CustomStringConvertible {
  /// Where it failed. New steps may be added.
  public struct Step: RawRepresentable, Sendable, Hashable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The request itself makes no sense.
    public static let arguments = Step(rawValue: "arguments")
    /// The shim could not be started.
    public static let spawn = Step(rawValue: "spawn")
    /// The shim died or stayed silent.
    public static let report = Step(rawValue: "report")
    public static let directory = Step(rawValue: "directory")
    /// Another shim holds the kernel's lock.
    public static let lock = Step(rawValue: "lock")
    public static let files = Step(rawValue: "files")
    public static let log = Step(rawValue: "log")
    /// A limit that cannot be enforced here.
    public static let limits = Step(rawValue: "limits")
    /// Something of `[hardening]` that this machine does not offer.
    public static let hardening = Step(rawValue: "hardening")
    public static let prepare = Step(rawValue: "prepare")
    public static let fork = Step(rawValue: "fork")
    public static let workingDirectory = Step(rawValue: "cwd")
    /// The program could not be executed.
    public static let execute = Step(rawValue: "exec")
  }

  public let step: Step
  /// The errno, 0 if there is none.
  public let code: Int32
  /// One sentence for people.
  public let description: String

  public init(_ step: Step, code: Int32 = 0, _ description: String) {
    self.step = step
    self.code = code
    self.description = description
  }
}
