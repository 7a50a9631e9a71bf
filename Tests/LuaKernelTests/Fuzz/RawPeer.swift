// A peer of a kernel that speaks ZeroMQ's wire protocol by hand, so that it can also speak it wrongly.
import Glibc

/// A TCP connection. <https://rfc.zeromq.org/spec/23/>
final class RawPeer {
  private let descriptor: Int32

  init(port: Int) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else { throw TestFailure(description: "nobody listens on port \(port)") }
  }

  deinit { close(descriptor) }

  /// Sends bytes. A kernel that has had enough of us may close the connection at any time.
  func send(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count <= 0 { return }
      rest = rest.dropFirst(count)
    }
  }

  /// Greets as a socket of a type such as `DEALER`.
  func greet(as type: String) {
    let mechanism = Array("NULL".utf8) + [UInt8](repeating: 0, count: 16)
    send([0xFF] + [UInt8](repeating: 0, count: 8) + [0x7F, 3, 0] + mechanism + [UInt8](repeating: 0, count: 32))
    let name = Array("Socket-Type".utf8)
    let ready = [5] + Array("READY".utf8) + [UInt8(name.count)] + name + [0, 0, 0, UInt8(type.utf8.count)] + type.utf8
    send([4, UInt8(ready.count)] + ready)
  }

  /// A message's parts as they are on the wire.
  static func encoded(_ parts: [[UInt8]]) -> [UInt8] {
    var out: [UInt8] = []
    for (index, part) in parts.enumerated() {
      let more: UInt8 = index < parts.count - 1 ? 1 : 0
      if part.count < 256 {
        out += [more, UInt8(part.count)]
      } else {
        out += [more | 2] + (0..<8).map { UInt8(truncatingIfNeeded: part.count >> (56 - 8 * $0)) }
      }
      out += part
    }
    return out
  }

  /// Ends the connection and waits until the kernel has read everything and closed its end.
  func finish() throws {
    shutdown(descriptor, Int32(SHUT_WR))
    var bytes = [UInt8](repeating: 0, count: 16 << 10)
    var item = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while poll(&item, 1, 30_000) > 0 {
      if recv(descriptor, &bytes, bytes.count, 0) <= 0 { return }
    }
    throw TestFailure(description: "the kernel keeps a connection that its peer has ended")
  }
}
