// The directory where a host keeps its files, and their names.
import Glibc

/// A fleet directory; making the value touches nothing.
public struct FleetDirectory: Sendable, Hashable {
  /// Absolute.
  public let path: String

  public init(path: String) {
    let absolute = FilePath.absolute(path)
    self.path = absolute.count > 1 && absolute.hasSuffix("/") ? String(absolute.dropLast()) : absolute
  }

  /// The directory of the option `--fleet-dir`, else `FLEET_HOME`, else `~/.llmspell/fleet`.
  public static func choose(option: String? = nil) throws(ConfigurationError) -> FleetDirectory {
    if let chosen = option ?? FilePath.environment("FLEET_HOME") {
      guard !chosen.isEmpty else { throw ConfigurationError(.badValue, "--fleet-dir is empty; name a directory") }
      return FleetDirectory(path: chosen)
    }
    guard let home = FilePath.home() else {
      throw ConfigurationError(.notFound, "this user has no home directory; name one with --fleet-dir or FLEET_HOME")
    }
    return FleetDirectory(path: home + "/.llmspell/fleet")
  }

  // Of the host.
  public var database: String { path + "/fleet.db" }
  public var decisions: String { path + "/decisions.db" }
  public var metrics: String { path + "/metrics.db" }
  public var silences: String { path + "/silences.json" }
  public var registryFile: String { path + "/registry.json" }
  public var socket: String { path + "/fleet.sock" }
  public var pidFile: String { path + "/fleet.pid" }
  /// The host's own token for HTTP on TCP.
  public var token: String { path + "/fleet.token" }
  public var logFile: String { path + "/fleet.log" }
  public var configurationFile: String { path + "/fleet.toml" }
  public var logs: String { path + "/logs" }
  public var configs: String { path + "/configs" }
  public var policies: String { path + "/policies" }
  /// The host's own: last good versions of policies, and their memory.
  public var policyStore: String { path + "/policies.kept" }

  // Of one kernel; `id` is "kernel-1a2b3c4d".
  public func connectionFile(_ id: String) -> String { file(id, ".json") }
  public func environmentFile(_ id: String) -> String { file(id, ".env") }
  public func pidFile(_ id: String) -> String { file(id, ".pid") }
  public func lockFile(_ id: String) -> String { file(id, ".lock") }
  public func exitFile(_ id: String) -> String { file(id, ".exit") }
  public func logFile(_ id: String) -> String { "\(logs)/\(checked(id)).log" }
  /// For the files of a kernel that may write nowhere else; see `HardeningSettings.landlock` and `uidRange`.
  public func ownDirectory(_ id: String) -> String { file(id, ".d") }
  public func stateFile(uuid: String) -> String { file(uuid, ".state.db") }

  private func file(_ id: String, _ suffix: String) -> String { "\(path)/\(checked(id))\(suffix)" }

  private func checked(_ id: String) -> String {
    precondition(!id.isEmpty && !id.contains("/") && id != "..", "not the id of a kernel")
    return id
  }
}
