// A host's control socket with canned answers, one connection at a time.
import Glibc
import JSON
import JupyterProtocol
import Synchronization

final class FakeHost: Sendable {
  struct Request: Sendable {
    var method: String
    var path: String
    var body: JSON
  }

  let socket: String
  private let descriptor: Int32
  private let answer: @Sendable (Request) -> (Int, JSON)
  private let thread: Mutex<SystemThread?> = Mutex(nil)
  let requests = Mutex<[Request]>([])

  init(in directory: String, answer: @escaping @Sendable (Request) -> (Int, JSON)) throws {
    socket = directory + "/fleet.sock"
    self.answer = answer
    descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(socket.utf8)) }
    let isListening = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0 && listen(descriptor, 8) == 0
      }
    }
    guard isListening else { throw TestFailure(description: "cannot listen on \(socket)") }
    let started = try SystemThread.start(name: "fake-host") { [self] in serve() }
    thread.withLock { $0 = started }
  }

  func stop() {
    shutdown(descriptor, Int32(SHUT_RDWR))
    thread.withLock { $0 }?.join()
    close(descriptor)
  }

  private func serve() {
    while true {
      let connection = accept(descriptor, nil, nil)
      if connection < 0 { return }
      while let request = read(connection) {
        requests.withLock { $0.append(request) }
        let (status, document) = answer(request)
        let body = document.encoded()
        let bytes = Array("HTTP/1.1 \(status) X\r\nContent-Length: \(body.count)\r\n\r\n".utf8) + body
        _ = Glibc.write(connection, bytes, bytes.count)
      }
      close(connection)
    }
  }

  /// One request; nil at the end of the connection.
  private func read(_ connection: Int32) -> Request? {
    var text: [UInt8] = []
    var byte: UInt8 = 0
    while !text.suffix(4).elementsEqual([13, 10, 13, 10]) {
      guard Glibc.read(connection, &byte, 1) == 1 else { return nil }
      text.append(byte)
    }
    let lines = String(decoding: text, as: UTF8.self).split(separator: "\r\n")
    let length = lines.first { $0.lowercased().hasPrefix("content-length:") }?.split(separator: " ").last
    var body = [UInt8](repeating: 0, count: length.flatMap { Int($0) } ?? 0)
    var count = 0
    while count < body.count {
      let more = body.withUnsafeMutableBytes { Glibc.read(connection, $0.baseAddress! + count, $0.count - count) }
      if more <= 0 { return nil }
      count += more
    }
    let words = lines[0].split(separator: " ")
    return Request(
      method: String(words[0]), path: String(words[1]), body: (try? JSON(parsing: body)) ?? .null)
  }
}
