// A message on its way to clients: one value for all of them, with what was made of it for those who speak alike.
import JupyterProtocol
import Synchronization

/// Lives until the last client has taken it.
public final class ChannelMessage: Sendable {
  public let raw: RawMessage
  /// Bytes that it is counted with: its parts and about what keeping it costs.
  let size: Int
  /// Clients that do not keep up lose it before anything else.
  let isDroppable: Bool
  private let meter: MessageMeter
  private let encodings = Mutex<[(form: Int, value: any Sendable)]>([])

  init(_ raw: RawMessage, meter: MessageMeter) {
    self.raw = raw
    self.meter = meter
    size = raw.size + 1024
    isDroppable = raw.channel == .iopub && !Self.indispensable.contains(raw.fields.type)
    meter.bytes.add(size, ordering: .relaxed)
  }

  deinit { meter.bytes.subtract(size, ordering: .relaxed) }

  /// Without these a client would wait for ever, or take an error for a success.
  private static let indispensable: Set<String> = ["status", "error", "execute_input", "comm_open", "comm_close"]

  var endsExecution: Bool {
    raw.channel == .iopub && raw.fields.type == "status" && raw.content.contains(idle: "\"idle\"")
  }

  /// What is made of the message for a form of the wire, once for all clients.
  /// - Parameter form: tells one form from another.
  public func encoded<Value: Sendable>(as form: Int, _ make: (RawMessage) -> Value) -> Value {
    encodings.withLock { encodings in
      if let known = encodings.first(where: { $0.form == form })?.value as? Value { return known }
      let value = make(raw)
      encodings.append((form, value))
      return value
    }
  }
}

/// How many bytes of messages wait for clients in the whole host.
final class MessageMeter: Sendable {
  let bytes = Atomic<Int>(0)
}

extension [UInt8] {
  /// Whether the word stands in these bytes. A look is enough: the content of a status has no other text.
  fileprivate func contains(idle word: StaticString) -> Bool {
    let wanted = UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
    guard count >= wanted.count else { return false }
    return (0...(count - wanted.count)).contains { self[$0] == wanted[0] && self[$0...].starts(with: wanted) }
  }
}
