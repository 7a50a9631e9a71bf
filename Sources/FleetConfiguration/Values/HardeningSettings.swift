// `[hardening]` of a kernel config or of fleet.toml: what kernels are kept from besides their limits.

/// What is asked for; a kernel gets what its config asks for and what fleet.toml asks for.
public struct HardeningSettings: Sendable, Hashable {
  /// A /tmp of its own.
  public var privateTmp = false
  /// It may write its own files, its working directory and temporary files only, and signal only what it started.
  public var landlock = false
  /// Calls of the system that no kernel needs are forbidden.
  public var seccomp = false
  /// A user of its own; only fleet.toml can say so, because the host hands out the users.
  public var uidRange: UIDRange?

  public init(privateTmp: Bool = false, landlock: Bool = false, seccomp: Bool = false, uidRange: UIDRange? = nil) {
    self.privateTmp = privateTmp
    self.landlock = landlock
    self.seccomp = seccomp
    self.uidRange = uidRange
  }

  /// Nobody takes away what the other asks for.
  public func and(_ other: HardeningSettings) -> HardeningSettings {
    HardeningSettings(
      privateTmp: privateTmp || other.privateTmp, landlock: landlock || other.landlock,
      seccomp: seccomp || other.seccomp, uidRange: uidRange ?? other.uidRange)
  }
}

extension TableReader {
  /// - Parameter isHost: of fleet.toml, not of a kernel's config.
  package mutating func hardening(isHost: Bool) throws(ConfigurationError) -> HardeningSettings {
    guard var reader = try table("hardening") else { return HardeningSettings() }
    var settings = HardeningSettings()
    settings.privateTmp = try reader.bool("private_tmp") ?? false
    settings.landlock = try reader.bool("landlock") ?? false
    settings.seccomp = try reader.bool("seccomp") ?? false
    if let text = try reader.string("uid_range") {
      guard isHost else {
        throw reader.badValue("uid_range", "stands in fleet.toml: the host hands out the user ids of all kernels")
      }
      do throws(ValueError) { settings.uidRange = try UIDRange(parsing: text) } catch {
        throw reader.badValue("uid_range", error.description)
      }
    }
    try reader.finish()
    return settings
  }
}
