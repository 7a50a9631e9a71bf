// One end of a conversation: makes and signs messages, and checks those of the other end.
import Glibc
import JSON
import Synchronization

/// A session as the protocol knows it: an id that all messages of one client, or of one run of a kernel, carry.
public final class MessageSession: Sendable {
  public let id: String
  public let username: String
  let signer: Signer
  private let guarding: ReplayGuard?
  private let counter = Atomic<UInt64>(0)

  /// The version of the messaging protocol that headers name.
  public static let protocolVersion = "5.5"

  /// - Parameters:
  ///   - refusingReplays: whether messages that were received before are refused; for the side that serves requests.
  public init(
    key: String, id: String = UniqueID.uuid(), username: String? = nil, refusingReplays: Bool = false
  ) {
    self.id = id
    self.username = username ?? getenv("USER").map { String(cString: $0) } ?? "fleet"
    signer = Signer(key: key)
    guarding = refusingReplays ? ReplayGuard() : nil
  }

  /// A header with a fresh message id and the time now.
  public func header(_ type: String) -> MessageHeader {
    let number = counter.add(1, ordering: .relaxed).newValue
    return MessageHeader(
      id: "\(id)_\(number)", session: id, username: username, date: Timestamp.now(), type: type,
      version: MessageSession.protocolVersion)
  }

  /// The parts of a signed message.
  /// - Parameters:
  ///   - identities: routing parts; the topic for iopub.
  ///   - parent: what this message answers.
  ///   - content: a JSON object as bytes.
  ///   - metadata: a JSON object as bytes.
  public func frames(
    _ header: MessageHeader, identities: Frames = [], parent: MessageHeader? = nil, content: [UInt8],
    metadata: [UInt8] = Array("{}".utf8), buffers: Frames = []
  ) -> Frames {
    let parts = [header.raw, parent?.raw ?? Array("{}".utf8), metadata, content]
    var frames: Frames = []
    frames.reserveCapacity(identities.count + 6 + buffers.count)
    frames += identities
    frames.append(JupyterMessage.delimiter)
    frames.append(signer.signature(of: parts))
    frames += parts
    frames += buffers
    return frames
  }

  /// Reads a message of the other end.
  public func parse(_ frames: Frames) throws(MessageError) -> JupyterMessage {
    try JupyterMessage(parsing: frames, signer: signer, guarding: guarding)
  }
}
