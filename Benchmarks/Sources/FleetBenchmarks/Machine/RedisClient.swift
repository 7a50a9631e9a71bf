// As much of Redis' protocol (RESP2) as a benchmark needs: commands out, simple and bulk strings in.
import Foundation

final class RedisClient {
  private let descriptor: Int32
  private var buffer: [UInt8] = []
  private var start = 0

  init(port: Int) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var yes: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let isConnected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    if !isConnected {
      close(descriptor)
      throw Failure("Redis does not listen on port \(port)")
    }
  }

  deinit { close(descriptor) }

  func call(_ words: [String]) throws -> String {
    try send(Self.encode(words))
    return try reply()
  }

  /// Sends the same command so many times before it reads the first reply.
  func pipeline(_ words: [String], count: Int) throws {
    let command = Self.encode(words)
    try send(Array(repeatElement(command, count: count).joined()))
    for _ in 0..<count { _ = try reply() }
  }

  private static func encode(_ words: [String]) -> [UInt8] {
    Array("*\(words.count)\r\n".utf8) + words.flatMap { Array("$\($0.utf8.count)\r\n\($0)\r\n".utf8) }
  }

  private func send(_ bytes: [UInt8]) throws {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress! + sent, bytes.count - sent) }
      guard count > 0 else { throw Failure("Redis has closed the connection") }
      sent += count
    }
  }

  private func reply() throws -> String {
    let line = try line()
    let rest = String(decoding: line.dropFirst(), as: UTF8.self)
    switch line.first {
    case UInt8(ascii: "+"), UInt8(ascii: ":"): return rest
    case UInt8(ascii: "$"):
      guard let count = Int(rest), count >= 0 else { return "" }
      return String(decoding: try take(count + 2).dropLast(2), as: UTF8.self)
    default: throw Failure("Redis answered \(String(decoding: line, as: UTF8.self))")
    }
  }

  private func line() throws -> [UInt8] {
    var end = start
    while true {
      while end + 1 < buffer.count {
        if buffer[end] == 13, buffer[end + 1] == 10 {
          defer { start = end + 2 }
          return Array(buffer[start..<end])
        }
        end += 1
      }
      try receive()
      end = start
    }
  }

  private func take(_ count: Int) throws -> [UInt8] {
    while buffer.count - start < count { try receive() }
    defer { start += count }
    return Array(buffer[start..<start + count])
  }

  private func receive() throws {
    if start == buffer.count {
      buffer.removeAll(keepingCapacity: true)
      start = 0
    }
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    let count = read(descriptor, &chunk, chunk.count)
    guard count > 0 else { throw Failure("Redis has closed the connection") }
    buffer.append(contentsOf: chunk.prefix(count))
  }
}
