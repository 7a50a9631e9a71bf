// Clients that reach kernels through the host.
import FleetEngine

extension FleetHost {
  /// The room where clients of a kernel meet. The kernel need not answer yet, and may have ended.
  public func channels(_ reference: String, as viewer: Viewer = .everyone) async throws -> ChannelRoom {
    let kernel = try await known(reference, as: viewer)
    guard let room = hub.room(of: kernel) else { throw Self.goingDown }
    return room
  }

  /// Somebody has come or gone: documents and policies are to know it. Counting looks through all descriptors, so many
  /// who come at once are counted once; whoever decides something counts by himself before.
  func clientsChanged() async {
    registryChanged()
    if isCountDue { return }
    isCountDue = true
    // Cancelled never: the task is nobody's.
    try? await Task.sleep(for: .milliseconds(100))
    isCountDue = false
    await countConnections()
  }
}
