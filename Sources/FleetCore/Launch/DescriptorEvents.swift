// One thread that waits for descriptors with epoll, so that waiting for a process, a report or a log costs no thread of
// the concurrency pool and no polling.

import CFleetSystem
import Glibc
import Synchronization

/// Waits for descriptors to become readable. Ends its thread when it is released.
public final class DescriptorEvents: Sendable {
  public enum Outcome: Sendable, Hashable {
    case ready, timedOut, cancelled
  }

  /// Names one wait, for `cancel`.
  public struct Token: Sendable, Hashable {
    fileprivate let number: UInt64
  }

  private let loop: EventLoop

  /// Fails when the system has no descriptors or threads left.
  public init() throws(SystemError) {
    loop = try EventLoop()
    try loop.start()
  }

  deinit { loop.stop() }

  /// Calls `handler` once, on the thread of these events: it must be short. The descriptor must stay open until then,
  /// and only one wait for it may be under way.
  @discardableResult
  public func once(
    _ descriptor: Int32, within limit: Duration? = nil, _ handler: @escaping @Sendable (Outcome) -> Void
  ) throws(SystemError) -> Token {
    Token(number: try loop.add(descriptor, deadline: limit.map { .now + $0 }, handler))
  }

  /// Ends a wait that has not been answered; its handler hears `cancelled` on the calling thread.
  public func cancel(_ token: Token) { loop.cancel(token.number) }

  /// Waits until the descriptor can be read, the time is over, or the task is cancelled.
  public func readable(_ descriptor: Int32, within limit: Duration? = nil) async throws(SystemError) -> Outcome {
    let wait = Mutex<(token: Token?, isCancelled: Bool)>((nil, false))
    let result: Result<Outcome, SystemError> = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        do throws(SystemError) {
          let token = try once(descriptor, within: limit) { continuation.resume(returning: .success($0)) }
          let late = wait.withLock { wait in
            wait.token = token
            return wait.isCancelled
          }
          if late { cancel(token) }
        } catch {
          continuation.resume(returning: .failure(error))
        }
      }
    } onCancel: {
      let token = wait.withLock { wait in
        wait.isCancelled = true
        return wait.token
      }
      if let token { cancel(token) }
    }
    return try result.get()
  }
}

/// What the thread keeps alive while it runs; `DescriptorEvents` is only its handle.
private final class EventLoop: Sendable {
  struct Wait {
    let descriptor: Int32
    let deadline: ContinuousClock.Instant?
    let handler: @Sendable (DescriptorEvents.Outcome) -> Void
  }

  struct State {
    var next: UInt64 = 1  // 0 is the wake-up
    var waits: [UInt64: Wait] = [:]
    var timed: Set<UInt64> = []
    var isStopped = false
  }

  private let state = Mutex(State())
  private let poll: Int32
  private let wake: Int32

  init() throws(SystemError) {
    poll = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard poll >= 0 else { throw SystemError("wait for descriptors", code: errno) }
    wake = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: 0))
    guard wake >= 0, epoll_ctl(poll, EPOLL_CTL_ADD, wake, &event) == 0 else {
      let code = errno
      close(poll)
      throw SystemError("wait for descriptors", code: code)
    }
  }

  deinit {
    if wake >= 0 { close(wake) }
    close(poll)
  }

  func start() throws(SystemError) {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    pthread_attr_setstacksize(&attributes, 256 << 10)
    var thread = pthread_t()
    let box = Unmanaged.passRetained(self)
    let code = pthread_create(
      &thread, &attributes,
      { argument in
        // Never nil: it is the box below.
        let loop = Unmanaged<EventLoop>.fromOpaque(argument!).takeRetainedValue()
        fleet_name_thread("fleet-events")
        loop.run()
        return nil
      }, box.toOpaque())
    guard code == 0 else {
      box.release()
      throw SystemError("start a thread", code: code)
    }
  }

  func stop() {
    state.withLock { $0.isStopped = true }
    wakeUp()
  }

  private func wakeUp() {
    eventfd_write(wake, 1)
  }

  func add(
    _ descriptor: Int32, deadline: ContinuousClock.Instant?,
    _ handler: @escaping @Sendable (DescriptorEvents.Outcome) -> Void
  ) throws(SystemError) -> UInt64 {
    let result = state.withLock { state -> Result<UInt64, SystemError> in
      let number = state.next
      state.next += 1
      var event = epoll_event(
        events: EPOLLIN.rawValue | EPOLLONESHOT.rawValue, data: epoll_data_t(u64: number))
      guard epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event) == 0 else {
        return .failure(SystemError("wait for descriptor \(descriptor)", code: errno))
      }
      state.waits[number] = Wait(descriptor: descriptor, deadline: deadline, handler: handler)
      if deadline != nil { state.timed.insert(number) }
      return .success(number)
    }
    if deadline != nil { wakeUp() }
    return try result.get()
  }

  func cancel(_ number: UInt64) { answer(number, .cancelled) }

  /// Whoever takes the wait out of the table answers it; from then on its descriptor may be closed.
  private func answer(_ number: UInt64, _ outcome: DescriptorEvents.Outcome) {
    let wait = state.withLock { state -> Wait? in
      state.timed.remove(number)
      guard let wait = state.waits.removeValue(forKey: number) else { return nil }
      epoll_ctl(poll, EPOLL_CTL_DEL, wait.descriptor, nil)
      return wait
    }
    wait?.handler(outcome)
  }

  private func run() {
    var events = [epoll_event](repeating: epoll_event(), count: 64)
    while true {
      let (isStopped, limit) = state.withLock { ($0.isStopped, Self.nextDeadline($0)) }
      if isStopped { break }
      let count = epoll_wait(poll, &events, Int32(events.count), Self.milliseconds(until: limit))
      for index in 0..<max(0, Int(count)) {
        let number = events[index].data.u64
        if number == 0 {
          var value: eventfd_t = 0
          eventfd_read(wake, &value)
        } else {
          answer(number, .ready)
        }
      }
      for number in overdue() { answer(number, .timedOut) }
    }
    for number in state.withLock({ Array($0.waits.keys) }) { answer(number, .cancelled) }
  }

  private func overdue() -> [UInt64] {
    state.withLock { state in
      if state.timed.isEmpty { return [] }
      let now = ContinuousClock.now
      return state.timed.filter { state.waits[$0]?.deadline.map { $0 <= now } ?? true }
    }
  }

  private static func nextDeadline(_ state: State) -> ContinuousClock.Instant? {
    state.timed.compactMap { state.waits[$0]?.deadline }.min()
  }

  /// Rounded up, so that the thread does not spin in the last millisecond.
  private static func milliseconds(until deadline: ContinuousClock.Instant?) -> Int32 {
    guard let deadline else { return -1 }
    let left = ContinuousClock.now.duration(to: deadline) / .milliseconds(1)
    return Int32(min(max(0, left.rounded(.up)), 3_600_000))
  }
}
