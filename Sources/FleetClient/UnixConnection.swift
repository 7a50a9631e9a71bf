// A connected stream socket: whole writes, reads with a deadline.
import Glibc

struct UnixConnection: ~Copyable {
  private let descriptor: Int32

  /// - Parameter path: of any length; what does not fit a socket address goes through the directory's descriptor.
  init(path: String, deadline: Deadline) throws(FleetClientError) {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw .hostUnreachable(socket: path, reason: SystemText.of(errno)) }
    // A blocking connect, because a non-blocking one fails at once when the host's queue is full.
    let milliseconds = Int(deadline.milliseconds)
    var limit = timeval(tv_sec: milliseconds / 1000, tv_usec: milliseconds % 1000 * 1000 + 1)
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    let code = Self.connect(descriptor, path)
    guard code == 0 else {
      close(descriptor)
      if code == EAGAIN { throw .timedOut(after: deadline.duration) }
      throw .hostUnreachable(socket: path, reason: code == ENOENT ? "there is no socket" : SystemText.of(code))
    }
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// The `errno` of the attempt; 0 when connected.
  private static func connect(_ descriptor: Int32, _ path: String) -> Int32 {
    var address = sockaddr_un()
    let capacity = MemoryLayout.size(ofValue: address.sun_path)
    guard path.utf8.count >= capacity else { return connect(descriptor, &address, path) }
    guard let slash = path.lastIndex(of: "/") else { return ENAMETOOLONG }
    let directory = open(String(path[..<slash]), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { return errno }
    defer { close(directory) }
    let short = "/proc/self/fd/\(directory)\(path[slash...])"
    return short.utf8.count < capacity ? connect(descriptor, &address, short) : ENAMETOOLONG
  }

  private static func connect(_ descriptor: Int32, _ address: inout sockaddr_un, _ path: String) -> Int32 {
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        while Glibc.connect(descriptor, address, size) != 0 {
          // An interrupted connect of a local socket has not begun; it is made again.
          if errno != EINTR { return errno }
        }
        return 0
      }
    }
  }

  /// Whether the other side has closed, or sent what nobody asked for: then it is of no use any more.
  var isStale: Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, 0) != 0
  }

  func write(_ bytes: [UInt8], deadline: Deadline) throws(FleetClientError) {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      if count >= 0 {
        sent += count
      } else if errno == EAGAIN {
        try deadline.wait(descriptor, for: POLLOUT)
      } else if errno != EINTR {
        throw .connectionLost(reason: SystemText.of(errno))
      }
    }
  }

  /// Appends what has arrived, waiting for the first byte of it.
  /// - Returns: false at the end of the stream.
  func read(into buffer: inout [UInt8], deadline: Deadline) throws(FleetClientError) -> Bool {
    while true {
      var received = 0
      let chunk = [UInt8](unsafeUninitializedCapacity: 65536) { space, count in
        received = recv(descriptor, space.baseAddress, space.count, 0)
        count = max(0, received)
      }
      if received > 0 { buffer += chunk }
      if received >= 0 { return received > 0 }
      if errno == EAGAIN {
        try deadline.wait(descriptor, for: POLLIN)
      } else if errno != EINTR {
        throw .connectionLost(reason: SystemText.of(errno))
      }
    }
  }
}
