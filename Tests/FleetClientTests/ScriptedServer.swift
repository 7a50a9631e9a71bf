// A server on a socket of its own that answers each request with the next bytes of its script.
import Foundation
import Glibc
import Synchronization

/// One script per connection; each of its entries answers one request, and after the last one the connection closes.
final class ScriptedServer: Sendable {
  let directory: String
  let path: String
  private let listener: Int32
  private let seen = Mutex<[String]>([])

  enum Step: Sendable {
    case answer(String)
    /// Says nothing more and keeps the connection until the client goes.
    case hang
  }

  init(deep: Bool = false, _ connections: [[Step]]) {
    var template = Array("/tmp/fleet-client-XXXXXX".utf8CString)
    directory = mkdtemp(&template).map { String(cString: $0) } ?? ""
    precondition(!directory.isEmpty, "no directory for a test")
    var folder = directory
    if deep {
      for _ in 0..<4 {
        folder += "/" + String(repeating: "d", count: 60)
        mkdir(folder, 0o700)
      }
    }
    path = folder + "/fleet.sock"
    listener = Self.listen(in: folder)
    let server = Weak(self)
    let descriptor = listener
    Thread.detachNewThread {
      for steps in connections {
        let peer = accept(descriptor, nil, nil)
        guard peer >= 0 else { return }
        for step in steps {
          guard let request = Self.readRequest(peer) else { break }
          server.value?.seen.withLock { $0.append(request) }
          guard case .answer(let text) = step else {
            while Self.readRequest(peer) != nil {}
            break
          }
          _ = text.withCString { send(peer, $0, text.utf8.count, Int32(MSG_NOSIGNAL)) }
        }
        Glibc.close(peer)
      }
    }
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    Glibc.close(listener)
    try? FileManager.default.removeItem(atPath: directory)  // the test is over; nothing depends on it
  }

  var requests: [String] { seen.withLock { $0 } }

  static func json(_ text: String, status: String = "200 OK") -> Step {
    .answer("HTTP/1.1 \(status)\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)")
  }

  /// Bound through a descriptor of its directory, as a host does whose path is too long for a socket address.
  private static func listen(in folder: String) -> Int32 {
    let folderDescriptor = open(folder, O_RDONLY | O_DIRECTORY)
    defer { Glibc.close(folderDescriptor) }
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) {
      $0.copyBytes(from: "/proc/self/fd/\(folderDescriptor)/fleet.sock".utf8)
    }
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    precondition(bound == 0 && Glibc.listen(descriptor, 16) == 0, "no socket for a test")
    return descriptor
  }

  private static func readRequest(_ peer: Int32) -> String? {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let text = String(decoding: bytes, as: UTF8.self)
      if let end = text.range(of: "\r\n\r\n") {
        let length =
          text.range(of: "Content-Length: ").flatMap { Int(text[$0.upperBound...].prefix { $0.isNumber }) } ?? 0
        if text[end.upperBound...].utf8.count >= length { return text }
      }
      let count = recv(peer, &chunk, chunk.count, 0)
      guard count > 0 else { return nil }
      bytes += chunk[..<count]
    }
  }

  /// The thread must not keep the server alive, or its end would wait for the end of its thread.
  private struct Weak: @unchecked Sendable {  // a weak reference to a Sendable class; read only, and atomic by itself
    weak var value: ScriptedServer?
    init(_ value: ScriptedServer) { self.value = value }
  }
}
