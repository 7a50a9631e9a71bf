// Whose kernels somebody may see and touch.
import FleetEngine

/// On whose behalf the host is asked. Kernels of other owners do not exist for a viewer that has an owner.
public struct Viewer: Sendable, Hashable {
  /// nil: all kernels, whoever owns them.
  public var owner: String?
  /// A kernel that asks for itself, and sees itself whoever owns it.
  public var kernel: KernelID?

  public init(owner: String?, kernel: KernelID? = nil) {
    self.owner = owner
    self.kernel = kernel
  }

  /// Sees and touches everything.
  public static let everyone = Viewer(owner: nil)

  public func sees(_ kernel: Kernel) -> Bool { sees(owner: kernel.specification.owner) || kernel.id == self.kernel }

  public func sees(owner other: String) -> Bool { owner == nil || owner == other }

  /// What this viewer asks for belongs to it, and is looked for among what belongs to it.
  /// - Throws: `forbidden` if the request names somebody else.
  func owned(_ request: SpawnRequest) throws(EngineError) -> SpawnRequest {
    guard let owner else { return request }
    if let other = request.owner, other != owner {
      throw EngineError(.forbidden, "this token belongs to '\(owner)', who cannot act for '\(other)'")
    }
    var request = request
    request.owner = owner
    return request
  }
}
