// `v1.kernel.websocket.jupyter.org`: a table of offsets, then the parts as they are.
import JupyterProtocol
import NIOCore

/// Little-endian: u64 N, N times u64 offset, then channel, header, parent header, metadata, content, buffers…; the last
/// offset is the end.
enum V1Framing {
  /// Channel and the four JSON parts.
  private static let fixedParts = 5

  static func encode(_ message: RawMessage) -> ByteBuffer {
    let channel = Array(message.channel.rawValue.utf8)
    let parts = [channel, message.header, message.parent, message.metadata, message.content] + message.buffers
    let table = 8 * (parts.count + 2)
    var out = ByteBuffer(frame: .binary, payload: table + channel.count + message.size)
    out.writeInteger(UInt64(parts.count + 1), endianness: .little)
    var offset = UInt64(table)
    out.writeInteger(offset, endianness: .little)
    for part in parts {
      offset += UInt64(part.count)
      out.writeInteger(offset, endianness: .little)
    }
    for part in parts { out.writeBytes(part) }
    return out
  }

  static func decode(_ data: [UInt8]) throws(WebSocketViolation) -> RawMessage {
    let offsets = try offsets(data)
    var parts: [[UInt8]] = []
    parts.reserveCapacity(offsets.count - 1)
    for (start, end) in zip(offsets, offsets.dropFirst()) { parts.append(Array(data[start..<end])) }
    let channel = try ConnectionFile.Channel(ofClient: parts[0])
    do throws(MessageError) {
      return try RawMessage(
        channel: channel, header: parts[1], parent: parts[2], metadata: parts[3], content: parts[4],
        buffers: Array(parts[fixedParts...]))
    } catch { throw WebSocketViolation(error) }
  }

  /// Ascending and inside of `data`, from the first part to the end.
  private static func offsets(_ data: [UInt8]) throws(WebSocketViolation) -> [Int] {
    func word(_ index: Int) -> UInt64 {
      data[(8 * index)..<(8 * index + 8)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    guard data.count >= 8, let count = Int(exactly: word(0)), count > fixedParts, count < data.count / 8 else {
      throw WebSocketViolation(.invalidData, "a message must begin with a table of offsets")
    }
    try WebSocketFraming.check(parts: count)
    var offsets: [Int] = []
    offsets.reserveCapacity(count)
    var least = 8 * (count + 1)
    for index in 1...count {
      guard let offset = Int(exactly: word(index)), offset >= least, offset <= data.count else {
        throw WebSocketViolation(.invalidData, "offset \(index) of a message points outside of it")
      }
      offsets.append(offset)
      least = offset
    }
    guard offsets.last == data.count else {
      throw WebSocketViolation(.invalidData, "the last offset of a message must be its end")
    }
    return offsets
  }
}
