// Reading one HTTP/1.1 response from a connection.

/// What came back, whole.
struct HTTPResponse {
  var status: Int
  var body: [UInt8]
  /// Whether the connection can carry another request.
  var keepsAlive: Bool
}

/// Reads one response; what is read too far is kept for nobody, because requests are not pipelined.
struct HTTPResponseReader {
  private var buffer: [UInt8] = []
  private var start = 0
  private let deadline: Deadline

  static let maximumHead = 64 << 10
  static let maximumBody = 256 << 20

  init(deadline: Deadline) { self.deadline = deadline }

  /// Whether nothing has come yet.
  var isUntouched: Bool { buffer.isEmpty }

  mutating func response(from connection: borrowing UnixConnection) throws(FleetClientError) -> HTTPResponse {
    while true {
      let head = try head(from: connection)
      if (100..<200).contains(head.status) { continue }  // an interim answer; the real one follows
      return try body(of: head, from: connection)
    }
  }

  private struct Head {
    var status: Int
    var headers: [String: String]
  }

  private mutating func head(from connection: borrowing UnixConnection) throws(FleetClientError) -> Head {
    let statusLine = try line(from: connection)
    let parts = statusLine.split(separator: " ", maxSplits: 2)
    guard parts.count >= 2, parts[0].hasPrefix("HTTP/1."), let status = Int(parts[1]), (100..<600).contains(status)
    else { throw .malformedReply("it begins with \"\(statusLine.prefix(40))\"") }
    var headers: [String: String] = [:]
    var size = 0
    while true {
      let line = try line(from: connection)
      if line.isEmpty { return Head(status: status, headers: headers) }
      size += line.utf8.count
      guard size <= Self.maximumHead, let colon = line.firstIndex(of: ":") else {
        throw .malformedReply("its headers are broken")
      }
      let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
      headers[line[..<colon].lowercased()] = String(value)
    }
  }

  private mutating func body(
    of head: Head, from connection: borrowing UnixConnection
  ) throws(FleetClientError) -> HTTPResponse {
    var keepsAlive = head.headers["connection"]?.lowercased() != "close"
    var body: [UInt8] = []
    if head.status == 204 || head.status == 304 {
      // Has no body, whatever its headers say.
    } else if head.headers["transfer-encoding"]?.lowercased().hasSuffix("chunked") == true {
      body = try chunks(from: connection)
    } else if let text = head.headers["content-length"] {
      guard let length = Int(text), (0...Self.maximumBody).contains(length) else {
        throw .malformedReply("its length is \"\(text)\"")
      }
      body = try take(length, from: connection)
    } else {
      keepsAlive = false
      body = try rest(from: connection)
    }
    return HTTPResponse(status: head.status, body: body, keepsAlive: keepsAlive && start == buffer.count)
  }

  private mutating func chunks(from connection: borrowing UnixConnection) throws(FleetClientError) -> [UInt8] {
    var body: [UInt8] = []
    while true {
      let header = try line(from: connection)
      let digits = header.prefix { $0 != ";" && $0 != " " }
      guard let size = Int(digits, radix: 16), size >= 0, size <= Self.maximumBody - body.count else {
        throw .malformedReply("a piece of it has the length \"\(header.prefix(40))\"")
      }
      if size == 0 {
        while try !line(from: connection).isEmpty {}  // trailers
        return body
      }
      body += try take(size, from: connection)
      guard try line(from: connection).isEmpty else { throw .malformedReply("a piece of it is longer than it says") }
    }
  }

  /// A line without its end.
  private mutating func line(from connection: borrowing UnixConnection) throws(FleetClientError) -> String {
    var scanned = start
    while true {
      if let end = buffer[scanned...].firstIndex(of: UInt8(ascii: "\n")) {
        let line = buffer[start..<end].last == UInt8(ascii: "\r") ? buffer[start..<(end - 1)] : buffer[start..<end]
        defer { start = end + 1 }
        return String(decoding: line, as: UTF8.self)
      }
      guard buffer.count - start <= Self.maximumHead else { throw .malformedReply("a line of it never ends") }
      scanned = buffer.count
      try fill(from: connection)
    }
  }

  private mutating func take(
    _ count: Int, from connection: borrowing UnixConnection
  ) throws(FleetClientError) -> [UInt8] {
    while buffer.count - start < count { try fill(from: connection) }
    defer { start += count }
    return Array(buffer[start..<(start + count)])
  }

  private mutating func rest(from connection: borrowing UnixConnection) throws(FleetClientError) -> [UInt8] {
    while try connection.read(into: &buffer, deadline: deadline) {
      guard buffer.count - start <= Self.maximumBody else { throw .malformedReply("it is too long") }
    }
    defer { start = buffer.count }
    return Array(buffer[start...])
  }

  private mutating func fill(from connection: borrowing UnixConnection) throws(FleetClientError) {
    guard try connection.read(into: &buffer, deadline: deadline) else {
      throw .connectionLost(reason: "the connection was closed")
    }
  }
}
