// A host that answers as it is told, for commands that are run against it as processes.
import Foundation
import Glibc
import JSON
import Synchronization

final class FakeHost: Sendable {
  struct Request: Sendable {
    var method: String
    var path: String
    var body: JSON
  }

  typealias Answer = @Sendable (Request) -> (status: Int, document: JSON)

  let directory: String
  private let listener: Int32
  private let seen = Mutex<[Request]>([])

  /// - Parameter answer: called for each request, by its method and path.
  init(_ answer: @escaping Answer = { _ in (404, ["error": "Kernel not found", "code": "kernel_not_found"]) }) {
    directory = TestFiles.directory()
    listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: (directory + "/fleet.sock").utf8) }
    let descriptor = listener
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    precondition(bound == 0 && listen(listener, 16) == 0, "no socket for a test")
    let host = Weak(self)
    Thread.detachNewThread {
      while true {
        let peer = accept(descriptor, nil, nil)
        guard peer >= 0 else { return }
        Thread.detachNewThread {
          while let request = Self.read(peer) {
            host.value?.seen.withLock { $0.append(request) }
            let (status, document) = answer(request)
            let body = document.text()
            let text = "HTTP/1.1 \(status) X\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
            _ = text.withCString { send(peer, $0, text.utf8.count, Int32(MSG_NOSIGNAL)) }
          }
          close(peer)
        }
      }
    }
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
    TestFiles.remove(directory)
  }

  var requests: [Request] { seen.withLock { $0 } }

  private static func read(_ peer: Int32) -> Request? {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let text = String(decoding: bytes, as: UTF8.self)
      if let end = text.range(of: "\r\n\r\n") {
        let length =
          text.range(of: "Content-Length: ").flatMap { Int(text[$0.upperBound...].prefix { $0.isNumber }) } ?? 0
        let body = text[end.upperBound...]
        if body.utf8.count >= length {
          let words = text.split(separator: " ", maxSplits: 2)
          return Request(
            method: String(words[0]), path: String(words[1]), body: (try? JSON(parsing: String(body))) ?? .null)
        }
      }
      let count = recv(peer, &chunk, chunk.count, 0)
      guard count > 0 else { return nil }
      bytes += chunk[..<count]
    }
  }

  /// The threads must not keep the host alive, or its end would wait for theirs.
  private struct Weak: @unchecked Sendable {  // a weak reference to a Sendable class; read only, and atomic by itself
    weak var value: FakeHost?
    init(_ value: FakeHost) { self.value = value }
  }
}

enum TestFiles {
  /// A new directory, for its owner only.
  static func directory() -> String {
    var template = Array("/tmp/fleet-command-XXXXXX".utf8CString)
    let path = mkdtemp(&template).map { String(cString: $0) } ?? ""
    precondition(!path.isEmpty, "no directory for a test")
    return path
  }

  static func remove(_ path: String) {
    try? FileManager.default.removeItem(atPath: path)  // the test is over; nothing depends on it
  }
}
