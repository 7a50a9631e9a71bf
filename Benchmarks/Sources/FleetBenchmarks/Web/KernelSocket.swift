// A client of a kernel's WebSocket that costs little: `v1.kernel.websocket.jupyter.org`, one request at a time.
import Foundation
import JSON
import JupyterProtocol

final class KernelSocket {
  let connection: WebConnection
  private let session = UniqueID.uuid()
  private var number = 0
  private var buffer: [UInt8] = []
  private var start = 0

  init(_ server: WebServer, kernel: String) throws {
    connection = try WebConnection(server)
    // Every key has 16 bytes; nobody looks at the answer to it here.
    let head = """
      GET /api/kernels/\(kernel)/channels?session_id=\(session)&token=\(server.token) HTTP/1.1\r\n\
      Host: 127.0.0.1:\(server.port)\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
      Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: v1.kernel.websocket.jupyter.org\r\n\r\n
      """
    try connection.send(Array(head.utf8))
    let answer = try connection.head()
    guard answer.hasPrefix("HTTP/1.1 101") else { throw Failure("no WebSocket: \(answer)") }
  }

  /// Asks the kernel to execute `1`; its answers may be told by the id.
  @discardableResult
  func execute() throws -> String {
    number += 1
    let id = "\(session)_\(number)"
    let header =
      Array(
        #"{"msg_id":"\#(id)","msg_type":"execute_request","username":"bench","session":"\#(session)","#.utf8)
      + Array(#""date":"2026-03-01T09:30:00.000125Z","version":"5.4"}"#.utf8)
    let content = Array(
      #"{"code":"1","silent":false,"store_history":true,"user_expressions":{},"allow_stdin":false,"stop_on_error":true}"#
        .utf8)
    let parts = [Array("shell".utf8), header, Array("{}".utf8), Array("{}".utf8), content]
    var payload: [UInt8] = []
    func append(_ value: Int) { withUnsafeBytes(of: UInt64(value).littleEndian) { payload += $0 } }
    append(parts.count + 1)
    var offset = 8 * (parts.count + 2)
    append(offset)
    for part in parts {
      offset += part.count
      append(offset)
    }
    for part in parts { payload += part }
    // Masked with zeros: the same work for the server, none for us.
    var frame: [UInt8] = [0x82, 0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255), 0, 0, 0, 0]
    frame += payload
    try connection.send(frame)
    return id
  }

  /// Reads what is there, and waits for it if nothing is.
  func fill() throws {
    if start > 0 {
      buffer.removeFirst(start)
      start = 0
    }
    let had = buffer.count
    buffer.append(contentsOf: repeatElement(0, count: 64 << 10))
    let count = buffer.withUnsafeMutableBytes {
      Glibc.read(connection.descriptor, $0.baseAddress! + had, 64 << 10)
    }
    buffer.removeLast((64 << 10) - max(0, count))
    guard count > 0 else { throw Failure("the server has closed the connection: \(String(cString: strerror(errno)))") }
  }

  /// The next message in the buffer; nil if it is not whole. Control frames are passed over.
  func next() -> ArraySlice<UInt8>? {
    while true {
      guard buffer.count - start >= 2 else { return nil }
      let opcode = buffer[start] & 15
      var (header, length) = (2, Int(buffer[start + 1] & 127))
      if length >= 126 {
        let size = length == 126 ? 2 : 8
        guard buffer.count - start >= 2 + size else { return nil }
        length = buffer[(start + 2)..<(start + 2 + size)].reduce(0) { $0 << 8 | Int($1) }
        header += size
      }
      guard buffer.count - start >= header + length else { return nil }
      let payload = buffer[(start + header)..<(start + header + length)]
      start += header + length
      if opcode == 2 { return payload }
    }
  }

  static func isShell(_ message: ArraySlice<UInt8>) -> Bool {
    let channel = offset(message, 1)
    return message[(message.startIndex + channel)...].starts(with: "shell".utf8)
  }

  static func offset(_ message: ArraySlice<UInt8>, _ index: Int) -> Int {
    let at = message.startIndex + 8 * index
    return message[at..<(at + 8)].reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  /// What a client reads of a message: its type, the id of its parent, its content.
  static func read(_ message: ArraySlice<UInt8>) throws -> (type: String, parent: String, content: JSON) {
    func part(_ index: Int) throws -> JSON {
      let range = (message.startIndex + offset(message, index))..<(message.startIndex + offset(message, index + 1))
      return try JSON(parsing: message[range])
    }
    let (header, parent, metadata, content) = (try part(2), try part(3), try part(4), try part(5))
    guard metadata.object != nil else { throw Failure("a message without metadata") }
    return (header["msg_type"]?.string ?? "", parent["msg_id"]?.string ?? "", content)
  }

  /// One execution, until reply and idle are there.
  func executeToIdle() throws {
    let id = try execute()
    var (isAnswered, isIdle) = (false, false)
    while !isAnswered || !isIdle {
      guard let message = next() else {
        try fill()
        continue
      }
      let (type, parent, content) = try Self.read(message)
      guard parent == id else { continue }
      if type == "execute_reply" {
        guard content["status"] == "ok" else { throw Failure("the execution failed: \(content.text())") }
        isAnswered = true
      }
      if type == "status", content["execution_state"] == "idle" { isIdle = true }
    }
  }
}
