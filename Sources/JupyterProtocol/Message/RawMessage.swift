// A message that is passed on: its parts stay the bytes that they came as, and only headers are looked at.
import JSON

/// What a kernel and its clients say to each other, for whoever stands in between.
public struct RawMessage: Sendable {
  public var channel: ConnectionFile.Channel
  /// JSON objects, as they are on the wire.
  public var header: [UInt8]
  public var parent: [UInt8]
  public var metadata: [UInt8]
  public var content: [UInt8]
  public var buffers: Frames
  public var fields: HeaderFields
  /// Nil if this message answers none.
  public var parentFields: HeaderFields?

  /// Bytes of all parts.
  public var size: Int {
    buffers.reduce(header.count + parent.count + metadata.count + content.count) { $0 + $1.count }
  }

  public static let emptyObject = Array("{}".utf8)

  /// Reads what came from a kernel: it must be signed, and its headers must be headers.
  public init(
    parsing frames: Frames, channel: ConnectionFile.Channel, signer: Signer
  ) throws(MessageError) {
    guard let delimiter = frames.firstIndex(of: JupyterMessage.delimiter) else { throw .noDelimiter }
    guard frames.count >= delimiter + 6 else { throw .truncated(parts: frames.count - delimiter - 1) }
    guard signer.isValid(frames[delimiter + 1], for: frames[(delimiter + 2)...(delimiter + 5)]) else {
      throw .badSignature
    }
    self.channel = channel
    header = frames[delimiter + 2]
    parent = frames[delimiter + 3]
    metadata = frames[delimiter + 4]
    content = frames[delimiter + 5]
    buffers = frames.count == delimiter + 6 ? [] : Array(frames[(delimiter + 6)...])
    fields = try HeaderFields(scanning: header, part: "header")
    parentFields = try RawMessage.fields(ofParent: parent)
  }

  /// What a client wants to say: every part is checked, because it will carry the kernel's own signature.
  public init(
    channel: ConnectionFile.Channel, header: [UInt8], parent: [UInt8], metadata: [UInt8], content: [UInt8],
    buffers: Frames
  ) throws(MessageError) {
    self.channel = channel
    self.header = header
    self.parent = parent
    self.metadata = metadata
    self.content = content
    self.buffers = buffers
    fields = try HeaderFields(scanning: header, part: "header")
    // They are kept for as long as an answer may come.
    for (field, text) in [("msg_id", fields.id), ("session", fields.session), ("username", fields.username)]
    where text.utf8.count > 512 {
      throw .tooLong(field: field)
    }
    parentFields = try RawMessage.fields(ofParent: parent)
    try RawMessage.check(metadata, part: "metadata")
    try RawMessage.check(content, part: "content")
  }

  /// A message of our own, with a header that is fresh.
  public init(
    _ header: MessageHeader, channel: ConnectionFile.Channel, parent: [UInt8] = emptyObject, content: JSON
  ) {
    self.channel = channel
    self.header = header.raw
    self.parent = parent
    metadata = RawMessage.emptyObject
    self.content = content.encoded()
    buffers = []
    fields = HeaderFields(id: header.id, type: header.type, session: header.session, username: header.username)
    // It was read before, when it came as a header.
    parentFields = try? RawMessage.fields(ofParent: parent)
  }

  /// The parts of a signed message for ZeroMQ.
  public func frames(_ signer: Signer) -> Frames {
    let parts = [header, parent, metadata, content]
    return [JupyterMessage.delimiter, signer.signature(of: parts)] + parts + buffers
  }

  /// Whether metadata and content, which nobody has looked at, are JSON objects.
  public var hasValidBody: Bool {
    do throws(MessageError) {
      try RawMessage.check(metadata, part: "metadata")
      try RawMessage.check(content, part: "content")
      return true
    } catch { return false }
  }

  private static func check(_ bytes: [UInt8], part: String) throws(MessageError) {
    if bytes == emptyObject { return }
    do { _ = try JSONSlices(of: bytes) } catch { throw .notJSON(part: part, error) }
  }

  /// Clients leave out what they do not know of the parent; without its id there is nothing to go by.
  private static func fields(ofParent bytes: [UInt8]) throws(MessageError) -> HeaderFields? {
    if bytes == emptyObject { return nil }
    let slices: JSONSlices
    do { slices = try JSONSlices(of: bytes) } catch { throw .notJSON(part: "parent header", error) }
    guard let id = slices.string("msg_id") else { return nil }
    return HeaderFields(
      id: id, type: slices.string("msg_type") ?? "", session: slices.string("session") ?? "",
      username: slices.string("username") ?? "")
  }
}
