// Requests that come twice with the same key are done once: the second gets what the first got.
import FleetEngine
import Synchronization

/// Bounded by number, size and age; what was forgotten, or was asked of an earlier host, is still known by the kernel that
/// it started (`Specification.request`).
public final class RepeatedRequests: Sendable {
  /// How long a key stands for its request.
  public static let lifetime = Duration.seconds(24 * 3600)
  private static let most = 10_000
  /// Bytes of answers.
  private static let mostBytes = 8 << 20

  /// What was answered.
  public struct Answer: Sendable, Hashable {
    public var status: Int
    public var body: [UInt8]
    /// Where what was made is from now on.
    public var location: String?

    public init(status: Int, body: [UInt8], location: String? = nil) {
      self.status = status
      self.body = body
      self.location = location
    }
  }

  fileprivate enum Entry {
    /// Who came while the first was under way waits for it.
    case underWay(body: String, [CheckedContinuation<Answer, any Error>])
    case done(body: String, Answer, at: ContinuousClock.Instant)

    var body: String {
      switch self {
      case .underWay(let body, _), .done(let body, _, _): body
      }
    }
  }

  fileprivate struct State {
    var entries: [String: Entry] = [:]
    /// Those that are done, the oldest first.
    var order: [String] = []
    var bytes = 0
  }

  private enum Turn {
    case first
    case answered(Answer)
    case wait
    case refused(EngineError)
  }

  private let state = Mutex(State())

  public init() {}

  /// Does the work if this key comes for the first time. A failure is told to all who wait for it and is not kept: the
  /// next request with the key tries again.
  /// - Returns: the answer, and whether it is that of an earlier request.
  /// - Throws: what `work` throws; `keyReused` if the key came with another body before; `limit` if there are too many.
  public func once(
    _ key: RequestKey, work: () async throws -> Answer
  ) async throws -> (answer: Answer, isRepeated: Bool) {
    switch turn(key) {
    case .first: break
    case .answered(let answer): return (answer, true)
    case .refused(let error): throw error
    case .wait:
      let answer = try await withCheckedThrowingContinuation { continuation in
        if let now = wait(key, continuation) { continuation.resume(with: now) }
      }
      return (answer, true)
    }
    let result: Result<Answer, any Error>
    do { result = .success(try await work()) } catch { result = .failure(error) }
    for waiter in settle(key, result) { waiter.resume(with: result) }
    return (try result.get(), false)
  }

  private func turn(_ key: RequestKey) -> Turn {
    state.withLock { state in
      state.expire()
      guard let entry = state.entries[key.key] else {
        guard state.entries.count < Self.most || state.forgetOldest() else {
          return .refused(EngineError(.limit, "\(Self.most) requests with an Idempotency-Key are under way; try later"))
        }
        state.entries[key.key] = .underWay(body: key.body, [])
        return .first
      }
      guard entry.body == key.body else {
        return .refused(
          EngineError(.keyReused, "this Idempotency-Key came with another request before; take a new key for a new one")
        )
      }
      if case .done(_, let answer, _) = entry { return .answered(answer) }
      return .wait
    }
  }

  /// What came of the first if that happened meanwhile.
  private func wait(
    _ key: RequestKey, _ continuation: CheckedContinuation<Answer, any Error>
  ) -> Result<Answer, any Error>? {
    state.withLock { state in
      switch state.entries[key.key] {
      case .underWay(let body, let waiters):
        state.entries[key.key] = .underWay(body: body, waiters + [continuation])
        return nil
      case .done(_, let answer, _): return .success(answer)
      case nil: return .failure(EngineError(.internal, "the request with this Idempotency-Key just failed; try again"))
      }
    }
  }

  private func settle(
    _ key: RequestKey, _ result: Result<Answer, any Error>
  ) -> [CheckedContinuation<Answer, any Error>] {
    state.withLock { state in
      guard case .underWay(let body, let waiters) = state.entries.removeValue(forKey: key.key) else { return [] }
      if case .success(let answer) = result, answer.body.count <= Self.mostBytes {
        state.entries[key.key] = .done(body: body, answer, at: .now)
        state.order.append(key.key)
        state.bytes += answer.body.count
        while state.bytes > Self.mostBytes, state.forgetOldest() {}
      }
      return waiters
    }
  }
}

extension RepeatedRequests.State {
  fileprivate mutating func expire() {
    while let oldest = order.first, case .done(_, _, let at) = entries[oldest],
      ContinuousClock.now - at > RepeatedRequests.lifetime, forgetOldest()
    {}
  }

  /// False if none is done.
  fileprivate mutating func forgetOldest() -> Bool {
    guard !order.isEmpty else { return false }
    if case .done(_, let answer, _) = entries.removeValue(forKey: order.removeFirst()) { bytes -= answer.body.count }
    return true
  }
}
