// The few members of a header that whoever passes messages on must know.
import JSON

/// Of a header that is passed on as it is.
public struct HeaderFields: Sendable, Hashable {
  public var id: String
  public var type: String
  /// Empty if the sender left it out.
  public var session: String
  /// Empty if the sender left it out.
  public var username: String

  public init(id: String, type: String, session: String, username: String = "") {
    self.id = id
    self.type = type
    self.session = session
    self.username = username
  }

  /// - Parameter part: for errors, such as `header`.
  public init(scanning bytes: [UInt8], part: String) throws(MessageError) {
    let slices: JSONSlices
    do { slices = try JSONSlices(of: bytes) } catch { throw .notJSON(part: part, error) }
    guard let id = slices.string("msg_id") else { throw .missing(field: "msg_id", part: part) }
    guard let type = slices.string("msg_type") else { throw .missing(field: "msg_type", part: part) }
    self.init(
      id: id, type: type, session: slices.string("session") ?? "", username: slices.string("username") ?? "")
  }
}
