// Why bytes from the wire are no message for us. Values: the one who reads counts them and goes on.
import JSON

public enum MessageError: Error, Sendable, Hashable, CustomStringConvertible {
  /// No `<IDS|MSG>` part.
  case noDelimiter
  /// Fewer parts after the delimiter than signature, header, parent header, metadata and content.
  case truncated(parts: Int)
  /// The signature is missing or wrong.
  case badSignature
  /// A message with this signature was accepted before.
  case replayed
  /// A part is not JSON.
  case notJSON(part: String, JSONError)
  /// A part is JSON but not an object.
  case notObject(part: String)
  /// A header lacks a field, or it is no string.
  case missing(field: String, part: String)
  /// A client's, of more than 512 bytes.
  case tooLong(field: String)

  public var description: String {
    switch self {
    case .noDelimiter: "not a Jupyter message: no <IDS|MSG> delimiter"
    case .truncated(let parts): "message cut short: \(parts) of 5 parts after the delimiter"
    case .badSignature: "wrong signature: the sender does not know the key of the connection file"
    case .replayed: "message refused: it was received before"
    case .notJSON(let part, let error): "\(part) of a message: \(error)"
    case .notObject(let part): "\(part) of a message is not a JSON object"
    case .missing(let field, let part): "\(part) of a message lacks \(field)"
    case .tooLong(let field): "\(field) of a message has more than 512 bytes"
    }
  }
}
