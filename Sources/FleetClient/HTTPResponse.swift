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
  private var deadline: Deadline
  /// Of a body that is read line by line: what came of a line that has not ended, and whether all has come.
  private var partial: [UInt8] = []
  private var hasEnded = false

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

  // MARK: A body without end

  /// Reads the head of an answer whose body is read with `lines`.
  /// - Returns: nil, or the whole answer if it is a refusal or comes in one piece.
  mutating func begin(from connection: borrowing UnixConnection) throws(FleetClientError) -> HTTPResponse? {
    let head = try head(from: connection)
    let isChunked = head.headers["transfer-encoding"]?.lowercased().hasSuffix("chunked") == true
    if head.status == 200, isChunked { return nil }
    return try body(of: head, from: connection)
  }

  /// The lines that the next piece of the body ends; nil when it is over.
  /// - Parameter limit: how long that piece may take to come.
  mutating func lines(
    from connection: borrowing UnixConnection, within limit: Duration
  ) throws(FleetClientError) -> [String]? {
    if hasEnded { return nil }
    deadline = Deadline(after: limit)
    // What was used is given up, or a body without end would fill the memory.
    buffer.removeFirst(start)
    start = 0
    guard let piece = try chunk(from: connection) else {
      hasEnded = true
      return nil
    }
    partial += piece
    guard partial.count <= Self.maximumBody else { throw .malformedReply("a line of it never ends") }
    var lines = partial.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    partial = lines.popLast().map(Array.init) ?? []
    return lines.map { String(decoding: $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0, as: UTF8.self) }
  }

  private mutating func chunks(from connection: borrowing UnixConnection) throws(FleetClientError) -> [UInt8] {
    var body: [UInt8] = []
    while let piece = try chunk(from: connection, most: Self.maximumBody - body.count) { body += piece }
    return body
  }

  /// The next piece of a chunked body; nil when that was the last.
  private mutating func chunk(
    from connection: borrowing UnixConnection, most: Int = maximumBody
  ) throws(FleetClientError) -> [UInt8]? {
    let header = try line(from: connection)
    let digits = header.prefix { $0 != ";" && $0 != " " }
    guard let size = Int(digits, radix: 16), size >= 0, size <= most else {
      throw .malformedReply("a piece of it has the length \"\(header.prefix(40))\"")
    }
    if size == 0 {
      while try !line(from: connection).isEmpty {}  // trailers
      return nil
    }
    let piece = try take(size, from: connection)
    guard try line(from: connection).isEmpty else { throw .malformedReply("a piece of it is longer than it says") }
    return piece
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
