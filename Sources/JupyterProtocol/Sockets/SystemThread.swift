// Threads of the operating system, for loops that block: never those of Swift's concurrency pool.
import CZeroMQ
import Glibc

/// A running thread that can be waited for.
public struct SystemThread: Sendable {
  private let handle: pthread_t

  /// Starts a thread that no signal is delivered to, so that handlers run on the main thread.
  /// - Parameters:
  ///   - name: shown by `top -H`; at most 15 bytes.
  ///   - stackSize: bytes of address space; memory is taken as it is used.
  public static func start(
    name: String, stackSize: Int = 512 << 10, _ body: @escaping @Sendable () -> Void
  ) throws(ZMQError) -> SystemThread {
    let start = Unmanaged.passRetained(Start(name: name, body: body))
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, stackSize)

    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    var handle = pthread_t()
    let code = pthread_create(&handle, &attributes, SystemThread.main, start.toOpaque())
    guard code == 0 else {
      start.release()
      throw ZMQError(code: code, action: "start a thread")
    }
    return SystemThread(handle: handle)
  }

  /// Waits until the thread has ended. To be called once.
  public func join() { pthread_join(handle, nil) }

  private final class Start: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
  }

  private static let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
    // The pointer comes from `start`, which made it from a `Start`.
    let start = Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
    fleet_name_thread(start.name)
    start.body()
    return nil
  }
}
