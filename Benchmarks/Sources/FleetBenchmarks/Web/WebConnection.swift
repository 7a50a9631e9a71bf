// A TCP connection to a server on loopback, and what is asked over it before it becomes something else.
import Foundation
import JSON

/// Where a server listens, and the token that opens it.
struct WebServer: Sendable {
  var port: Int
  var token: String
}

/// A socket that is closed with its last reference.
final class WebConnection {
  let descriptor: Int32

  init(_ server: WebServer) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw Failure("cannot make a socket: \(String(cString: strerror(errno)))") }
    var yes: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(server.port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let isConnected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    guard isConnected else { throw Failure("nothing listens on port \(server.port)") }
  }

  deinit { close(descriptor) }

  func send(_ bytes: [UInt8]) throws {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress! + sent, bytes.count - sent) }
      guard count > 0 || errno == EINTR else { throw Failure("the server has closed the connection") }
      sent += max(0, count)
    }
  }

  /// The head of an answer, without a byte of what follows it.
  func head() throws -> String {
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while !bytes.suffix(4).elementsEqual("\r\n\r\n".utf8) {
      guard read(descriptor, &byte, 1) == 1, bytes.count < 65_536 else { throw Failure("the server did not answer") }
      bytes.append(byte)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// All that comes until the other side closes.
  func rest() throws -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while case let count = read(descriptor, &chunk, chunk.count), count != 0 {
      guard count > 0 else { throw Failure("the connection broke") }
      bytes += chunk[..<count]
    }
    return bytes
  }
}

extension WebServer {
  /// One call, with a connection of its own.
  func call(_ method: String, _ path: String, _ body: JSON? = nil) throws -> JSON {
    let connection = try WebConnection(self)
    let content = body?.encoded() ?? []
    let head = """
      \(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nAuthorization: token \(token)\r\nConnection: close\r\n\
      Content-Type: application/json\r\nContent-Length: \(content.count)\r\n\r\n
      """
    try connection.send(Array(head.utf8) + content)
    let answer = try connection.head()
    let status = answer.split(separator: " ").dropFirst().first ?? ""
    let text = try connection.rest()
    guard status.hasPrefix("2") else {
      throw Failure("\(method) \(path): \(status) \(String(decoding: text, as: UTF8.self))")
    }
    return text.isEmpty ? .null : try JSON(parsing: text)
  }
}
