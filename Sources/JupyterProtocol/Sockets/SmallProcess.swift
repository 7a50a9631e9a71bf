// Settings of a whole process that make it small and quick to start.
import CZeroMQ

/// For programs that do little besides speaking ZeroMQ. Before the first thread and the first socket.
public enum SmallProcess {
  public static func prepare() {
    // One heap for all threads: a second one costs more memory than the little contention is worth.
    mallopt(M_ARENA_MAX, 1)
    // libzmq looks up a protocol's number; modules of the name service beside the files would be searched for first.
    __nss_configure_lookup("protocols", "files")
  }
}
