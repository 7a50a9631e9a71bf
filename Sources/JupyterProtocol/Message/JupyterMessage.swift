// A Jupyter message as a value, read from the parts that ZeroMQ delivers.
import JSON

public struct JupyterMessage: Sendable, Hashable {
  /// Routing parts before the delimiter: the client's identity on ROUTER sockets, the topic on iopub.
  public var identities: Frames
  public var header: MessageHeader
  /// The header of the message that this one answers; nil when there is none.
  public var parent: MessageHeader?
  /// An object.
  public var metadata: JSON
  /// An object.
  public var content: JSON
  public var buffers: Frames

  public var type: String { header.type }

  /// Separates routing parts from the message.
  public static let delimiter = Array("<IDS|MSG>".utf8)

  /// Reads and checks a message.
  /// - Parameters:
  ///   - guarding: refuses what was received before; only receivers of requests need it.
  public init(parsing frames: Frames, signer: Signer, guarding: ReplayGuard? = nil) throws(MessageError) {
    guard let delimiter = frames.firstIndex(of: JupyterMessage.delimiter) else { throw .noDelimiter }
    let parts = frames[(delimiter + 1)...]
    guard parts.count >= 5 else { throw .truncated(parts: parts.count) }
    let signature = frames[delimiter + 1]
    let signed = frames[(delimiter + 2)...(delimiter + 5)]
    guard signer.isValid(signature, for: signed) else { throw .badSignature }
    // After the signature's check, so that nobody without the key can fill the guard's memory.
    if let guarding, signer.isSigning, !guarding.accept(signature) { throw .replayed }

    identities = Array(frames[..<delimiter])
    header = try MessageHeader(parsing: frames[delimiter + 2], part: "header")
    let parent = frames[delimiter + 3]
    self.parent =
      JupyterMessage.isEmptyObject(parent) ? nil : try MessageHeader(parsing: parent, part: "parent header")
    metadata = try JupyterMessage.object(frames[delimiter + 4], part: "metadata")
    content = try JupyterMessage.object(frames[delimiter + 5], part: "content")
    buffers = Array(frames[(delimiter + 6)...])
  }

  private static let emptyObject = Array("{}".utf8)

  private static func isEmptyObject(_ bytes: [UInt8]) -> Bool { bytes == emptyObject }

  private static func object(_ bytes: [UInt8], part: String) throws(MessageError) -> JSON {
    if isEmptyObject(bytes) { return .object([:]) }
    let json: JSON
    do { json = try JSON(parsing: bytes) } catch { throw .notJSON(part: part, error) }
    guard case .object = json else { throw .notObject(part: part) }
    return json
  }
}
