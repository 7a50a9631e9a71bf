// A client of a host: HTTP over its control socket, blocking, without NIO and without Foundation.
//
// It speaks HTTP/1.1 by itself: loading libcurl took 5 ms and 1.3 MB of private memory (measured) of a command that
// has 15 ms, and of every kernel that drives its host.
import JSON

/// Speaks with the host of one fleet directory. Keeps its connection between calls. Not for several threads at once.
public final class FleetClient {
  public let socketPath: String
  private var connection: UnixConnection?

  /// Makes no connection yet.
  /// - Parameter socketPath: the fleet directory's `fleet.sock`; may be longer than a socket address.
  public init(socketPath: String) { self.socketPath = socketPath }

  /// How long most calls may take.
  public static let usualTimeout = Duration.seconds(30)

  /// Makes a request and answers whatever the host says, refusals too.
  /// - Parameters:
  ///   - path: with its query, percent-encoded.
  ///   - body: sent as JSON.
  /// - Returns: the HTTP status, and the document; null if there is none.
  public func request(
    _ method: String, _ path: String, _ body: JSON? = nil, timeout: Duration = usualTimeout
  ) throws(FleetClientError) -> (status: Int, document: JSON) {
    let deadline = Deadline(after: timeout)
    let request = Self.encode(method, path, body)
    let response = try exchange(request, deadline: deadline, repeatable: method == "GET")
    guard !response.body.isEmpty else { return (response.status, .null) }
    do {
      return (response.status, try JSON(parsing: response.body))
    } catch {
      let text = String(decoding: response.body.prefix(80), as: UTF8.self)
      throw .malformedReply("status \(response.status), \"\(text)\" is no JSON")
    }
  }

  /// The same, but a refusal is an error.
  public func call(
    _ method: String, _ path: String, _ body: JSON? = nil, timeout: Duration = usualTimeout
  ) throws(FleetClientError) -> JSON {
    let (status, document) = try request(method, path, body, timeout: timeout)
    guard status >= 400 else { return document }
    throw .refused(
      status: status, code: document["code"]?.string ?? "internal",
      message: document["error"]?.string ?? "the host answered with status \(status)")
  }

  /// The body of an answer that is no document.
  public func text(_ path: String, timeout: Duration = usualTimeout) throws(FleetClientError) -> String {
    let response = try exchange(
      Self.encode("GET", path, nil), deadline: Deadline(after: timeout), repeatable: true)
    guard response.status < 400 else {
      throw .refused(
        status: response.status, code: "internal", message: "the host answered \(path) with status \(response.status)")
    }
    return String(decoding: response.body, as: UTF8.self)
  }

  /// Closes the connection; the next call makes a new one.
  public func close() { connection = nil }

  /// The connection is kept only if the exchange went well to its end.
  private func exchange(_ request: [UInt8], deadline: Deadline, repeatable: Bool) throws(FleetClientError)
    -> HTTPResponse
  {
    if let kept = connection.take(), !kept.isStale {
      var reader = HTTPResponseReader(deadline: deadline)
      do {
        return try exchange(request, on: kept, &reader, deadline)
      } catch .connectionLost(let reason) {
        // The host closes what nobody used for a while, perhaps just now. Only what may be done twice is asked again.
        guard repeatable, reader.isUntouched else { throw .connectionLost(reason: reason) }
      }
    }
    var reader = HTTPResponseReader(deadline: deadline)
    do {
      return try exchange(request, on: try UnixConnection(path: socketPath, deadline: deadline), &reader, deadline)
    } catch .connectionLost(let reason) {
      // A host that was killed takes connections until its last thread has gone: the next try finds none, or another.
      guard repeatable, reader.isUntouched else { throw .connectionLost(reason: reason) }
      reader = HTTPResponseReader(deadline: deadline)
      return try exchange(request, on: try UnixConnection(path: socketPath, deadline: deadline), &reader, deadline)
    }
  }

  private func exchange(
    _ request: [UInt8], on open: consuming UnixConnection, _ reader: inout HTTPResponseReader, _ deadline: Deadline
  ) throws(FleetClientError) -> HTTPResponse {
    try open.write(request, deadline: deadline)
    let response = try reader.response(from: open)
    if response.keepsAlive { connection = consume open }
    return response
  }

  private static func encode(_ method: String, _ path: String, _ body: JSON?) -> [UInt8] {
    var head = "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n"
    let content = body?.encoded() ?? []
    if body != nil { head += "Content-Type: application/json\r\n" }
    if body != nil || method != "GET" { head += "Content-Length: \(content.count)\r\n" }
    return Array((head + "\r\n").utf8) + content
  }
}
