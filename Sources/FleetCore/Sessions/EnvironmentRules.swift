// Which variables whoever asks over the network may put into a kernel's environment.
import FleetEngine

/// An allow-list, with names that are never allowed: by those a variable would become code in somebody's kernel.
public struct EnvironmentRules: Sendable {
  /// `[gateway] env`: names, or beginnings of names with `*` behind them.
  private let patterns: [String]

  public init(patterns: [String]) { self.patterns = patterns }

  /// - Parameter named: variables that the kernel's own config asks for.
  public func allows(_ name: String, named: [String] = []) -> Bool {
    guard !Self.isDangerous(name) else { return false }
    return named.contains(name) || patterns.contains { Self.matches(name, $0) }
  }

  /// The variables of `wanted` that are allowed, and the names of the others in order.
  func sort(_ wanted: [String: String], named: [String]) -> (allowed: [String: String], refused: [String]) {
    let allowed = wanted.filter { allows($0.key, named: named) }
    return (allowed, wanted.keys.filter { allowed[$0] == nil }.sorted())
  }

  private static func matches(_ name: String, _ pattern: String) -> Bool {
    pattern.hasSuffix("*") ? name.hasPrefix(pattern.dropLast()) : name == pattern
  }

  /// What loaders, interpreters and shells take as code or as places where code is found, and what says who a kernel is.
  private static let beginnings = [
    "LD_", "DYLD_", "PYTHON", "LUA_", "NODE_", "DENO_", "PERL", "RUBY", "GEM_", "R_", "JULIA_", "JAVA_", "JDK_",
    "_JAVA_",
    "CLASSPATH", "BASH_", "GCONV_", "GLIBC_", "MALLOC_", "IPYTHON", "JUPYTER_", "FLEET_", "XDG_", "DOTNET_", "GIT_",
    "SSH_", "ZDOTDIR", "VIRTUAL_ENV", "CONDA_",
  ]
  private static let names: Set<String> = [
    "PATH", "HOME", "SHELL", "ENV", "IFS", "CDPATH", "PS4", "PROMPT_COMMAND", "SHELLOPTS", "EDITOR", "VISUAL", "PAGER",
    "BROWSER", "TMPDIR", "HOSTALIASES", "LOCALDOMAIN", "RES_OPTIONS", "NLSPATH", "LOCPATH", "TZDIR", "USER", "LOGNAME",
  ]

  static func isDangerous(_ name: String) -> Bool {
    let upper = name.uppercased()
    return names.contains(upper) || beginnings.contains { upper.hasPrefix($0) }
  }
}

extension FleetHost {
  /// For requests over the network: the whole request is refused if it sets what it may not.
  /// - Throws: `badRequest` that names the variables.
  public func checkEnvironment(of request: SpawnRequest) async throws {
    guard !request.environment.isEmpty else { return }
    let resolver = resolver
    let named = await lookups.run { resolver.variables(of: request) }
    let (_, refused) = environmentRules.sort(request.environment, named: named)
    guard refused.isEmpty else {
      throw EngineError(
        .badRequest,
        "'env_vars' may not set \(refused.joined(separator: ", ")) from here; [gateway] env in fleet.toml allows names")
    }
  }

  nonisolated var environmentRules: EnvironmentRules {
    EnvironmentRules(patterns: setup.configuration.gateway.environment)
  }
}
