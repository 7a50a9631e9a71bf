// Learns the end of shims from their pidfds, on one thread for all of them and without polling.

import Synchronization

/// Watches shims. What ends is reaped, if it is a child of this process, and told once.
public final class ExitWatch<Token: Hashable & Sendable>: Sendable {
  public struct Exit: Sendable {
    public let token: Token
    /// How the shim ended; how the kernel ended stands in its exit file.
    public let end: ShimEnd
  }

  /// Every watched end, in the order in which they were seen. For one consumer; holds at most one element for each
  /// watched shim.
  public let exits: AsyncStream<Exit>
  private let sink: AsyncStream<Exit>.Continuation
  private let events: DescriptorEvents
  private let watched = Mutex<[Token: DescriptorEvents.Token]>([:])

  public init(events: DescriptorEvents) {
    self.events = events
    (exits, sink) = AsyncStream.makeStream(of: Exit.self)
  }

  deinit { sink.finish() }

  /// Tells the end of the shim under this token, at once if it has already ended. A token stands for one shim at a time.
  public func watch(_ token: Token, _ shim: ProcessHandle) throws(SystemError) {
    let result = watched.withLock { watched -> Result<Void, SystemError> in
      do throws(SystemError) {
        precondition(watched[token] == nil, "\(token) is watched already")
        watched[token] = try events.once(shim.descriptor) { [weak self] outcome in
          // The closure keeps the descriptor open until it was called.
          self?.answer(token, shim, outcome)
        }
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }

  /// Stops watching; nothing is told, and nothing is reaped.
  public func forget(_ token: Token) {
    let wait = watched.withLock { $0.removeValue(forKey: token) }
    if let wait { events.cancel(wait) }
  }

  private func answer(_ token: Token, _ shim: ProcessHandle, _ outcome: DescriptorEvents.Outcome) {
    guard outcome == .ready else { return }
    // A `forget` that came first means that nobody wants to know.
    guard watched.withLock({ $0.removeValue(forKey: token) }) != nil else { return }
    sink.yield(Exit(token: token, end: shim.reap() ?? .unknown))
  }
}
