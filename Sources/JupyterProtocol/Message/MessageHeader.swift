// The header of a Jupyter message, with the bytes that it came in.
import JSON

/// Who says what, and when. <https://jupyter-client.readthedocs.io/en/stable/messaging.html#general-message-format>
public struct MessageHeader: Sendable, Hashable {
  /// Unique per message.
  public let id: String
  /// The sender's session: one per client and one per run of a kernel.
  public let session: String
  public let username: String
  /// ISO 8601; empty if the sender left it out.
  public let date: String
  public let type: String
  /// Of the protocol, such as `5.3`; empty if the sender left it out.
  public let version: String
  /// The header as it is on the wire. Answers carry it back unchanged.
  public let raw: [UInt8]

  public init(id: String, session: String, username: String, date: String, type: String, version: String) {
    self.id = id
    self.session = session
    self.username = username
    self.date = date
    self.type = type
    self.version = version
    raw = MessageHeader.encode(id: id, session: session, username: username, date: date, type: type, version: version)
  }

  init(parsing bytes: [UInt8], part: String) throws(MessageError) {
    let json: JSON
    do { json = try JSON(parsing: bytes) } catch { throw .notJSON(part: part, error) }
    guard let id = json["msg_id"]?.string else { throw .missing(field: "msg_id", part: part) }
    guard let type = json["msg_type"]?.string else { throw .missing(field: "msg_type", part: part) }
    self.id = id
    self.type = type
    session = json["session"]?.string ?? ""
    username = json["username"]?.string ?? ""
    date = json["date"]?.string ?? ""
    version = json["version"]?.string ?? ""
    raw = bytes
  }

  private static func encode(
    id: String, session: String, username: String, date: String, type: String, version: String
  ) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(256)
    out += #"{"date":"#.utf8
    JSON.append(escaping: date, to: &out)
    out += #","msg_id":"#.utf8
    JSON.append(escaping: id, to: &out)
    out += #","msg_type":"#.utf8
    JSON.append(escaping: type, to: &out)
    out += #","session":"#.utf8
    JSON.append(escaping: session, to: &out)
    out += #","username":"#.utf8
    JSON.append(escaping: username, to: &out)
    out += #","version":"#.utf8
    JSON.append(escaping: version, to: &out)
    out.append(UInt8(ascii: "}"))
    return out
  }
}
