// Who asks, and what they may.
import FleetCore
import FleetEngine

/// What a token allows; a later one does not include an earlier one.
public enum Scope: String, Sendable, Hashable, CaseIterable {
  /// See kernels and what the host knows of them.
  case read
  /// Start, use and stop kernels.
  case execute
  /// See and touch everybody's kernels, and the host itself.
  case manage
}

/// The holder of a token, or whoever may enter the fleet directory.
public struct Identity: Sendable, Hashable {
  /// Under which requests are counted: the token's name.
  public var name: String
  /// "" is nobody in particular.
  public var owner: String
  public var scopes: Set<Scope>
  /// Who asks, if it is a kernel.
  private(set) var kernel: KernelID?

  public init(name: String, owner: String, scopes: Set<Scope>) {
    self.name = name
    self.owner = owner
    self.scopes = scopes
  }

  /// A kernel with a user of its own, which the control socket knows by that user. One that nobody owns is its own owner:
  /// what else belongs to nobody, such as the kernels that pools hold ready, may be somebody's tomorrow.
  public static func kernel(_ id: KernelID, owner: String) -> Identity {
    var identity = Identity(name: "\(id)", owner: owner.isEmpty ? "\(id)" : owner, scopes: [.read, .execute])
    identity.kernel = id
    return identity
  }

  /// Came through the control socket, whose directory is closed to others.
  public static let local = Identity(name: "control socket", owner: "", scopes: Set(Scope.allCases))
  /// The host's own token.
  public static let host = Identity(name: "host token", owner: "", scopes: Set(Scope.allCases))
  /// Without a token; only what is open to everybody.
  public static let anonymous = Identity(name: "anonymous", owner: "", scopes: [])

  /// Owners see their own kernels; who may manage, or belongs to nobody in particular, sees all.
  public var viewer: Viewer {
    if let kernel { return Viewer(owner: owner, kernel: kernel) }
    return scopes.contains(.manage) || owner.isEmpty ? .everyone : Viewer(owner: owner)
  }
}
