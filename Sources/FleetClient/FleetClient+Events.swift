// Following the host's events: server-sent events, on a connection of their own.
import JSON

/// What `GET /events` tells: an event, or that some are gone (`type` is `reset`).
public struct ClientEvent: Sendable {
  /// What to say when the connection was lost, to go on from here.
  public var id: String
  /// The document; nil for an id alone, which the host tells first.
  public var document: JSON?
}

extension FleetClient {
  /// Hands over events as they happen, until `body` answers false or the host leaves.
  /// - Parameters:
  ///   - query: of `GET /events`, percent-encoded and without a question mark.
  ///   - after: the id of the last event that was seen; nil begins with what happens from now on.
  ///   - patience: how long the host may be silent; it says something every 15 s.
  public func follow(
    _ query: String, after: String?, patience: Duration = .seconds(60), _ body: (ClientEvent) throws -> Bool
  ) throws {
    let connection = try UnixConnection(path: socketPath, deadline: Deadline(after: Self.usualTimeout))
    var head = "GET /events\(query.isEmpty ? "" : "?" + query) HTTP/1.1\r\nHost: localhost\r\n"
    head += "Accept: text/event-stream\r\n"
    if let after { head += "Last-Event-ID: \(after)\r\n" }
    try connection.write(Array((head + "\r\n").utf8), deadline: Deadline(after: Self.usualTimeout))
    var reader = HTTPResponseReader(deadline: Deadline(after: Self.usualTimeout))
    if let refusal = try reader.begin(from: connection) { throw Self.refused(refusal) }
    var (block, last) = (EventBlock(), after ?? "")
    while let lines = try reader.lines(from: connection, within: patience) {
      for line in lines {
        guard line.isEmpty else {
          block.take(line)
          continue
        }
        last = block.id ?? last
        let event = ClientEvent(id: last, document: try block.document)
        let isComment = block.isEmpty
        block = EventBlock()
        if !isComment, try !body(event) { return }
      }
    }
  }

  private static func refused(_ response: HTTPResponse) -> FleetClientError {
    // What is no JSON says nothing that the status does not.
    let document = (try? JSON(parsing: response.body)) ?? [:]
    return .refused(
      status: response.status, code: document["code"]?.string ?? "internal",
      message: document["error"]?.string ?? "the host answered with status \(response.status)")
  }
}

/// The fields of one event, as they come line by line.
private struct EventBlock {
  var id: String?
  private var data: String?

  var isEmpty: Bool { id == nil && data == nil }

  mutating func take(_ line: String) {
    let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let value = parts.count > 1 ? String(parts[1].hasPrefix(" ") ? parts[1].dropFirst() : parts[1]) : ""
    switch parts[0] {
    case "id": id = value
    case "data": data = data.map { $0 + "\n" + value } ?? value
    // The type stands in the document, too; a comment has no name.
    default: break
    }
  }

  var document: JSON? {
    get throws(FleetClientError) {
      guard let data else { return nil }
      do { return try JSON(parsing: data) } catch { throw .malformedReply("an event is no JSON: \(data.prefix(80))") }
    }
  }
}
