// A ZeroMQ context: owner of the I/O thread that all its sockets share.
import CZeroMQ
import Glibc

/// A ZeroMQ context with one I/O thread. It may be used from every thread; the sockets made from it may not.
///
/// Sockets keep their context alive, so it ends after the last of them.
public final class ZMQContext: @unchecked Sendable {
  // Safe to share: libzmq documents contexts as thread safe, and the pointer never changes.
  let raw: UnsafeMutableRawPointer

  /// - Parameter maxSockets: how many sockets may be open at once. libzmq allots 12 bytes for each when the first one
  ///   is made, so a kernel asks for few and a host for many.
  public init(maxSockets: Int32 = 64) throws(ZMQError) {
    guard let raw = zmq_ctx_new() else { throw ZMQError.last("make a ZeroMQ context") }
    self.raw = raw
    zmq_ctx_set(raw, ZMQ_IO_THREADS, 1)
    zmq_ctx_set(raw, ZMQ_MAX_SOCKETS, maxSockets)
    // The default of sockets becomes linger 0: closing never waits for a peer that is gone.
    zmq_ctx_set(raw, ZMQ_BLOCKY, 0)
  }

  deinit {
    while zmq_ctx_term(raw) == -1 && zmq_errno() == EINTR {}
  }
}
