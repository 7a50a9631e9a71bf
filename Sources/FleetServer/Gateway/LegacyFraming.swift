// The framing of clients that name no protocol: one JSON object, before the buffers if there are any.
import JSON
import JupyterProtocol
import NIOCore

/// Text: the object. Binary: big-endian u32 n, n times u32 offset, the object, the buffers; each ends where the next one
/// begins. The members of the object are cut out and put in as they are, and are never parsed.
enum LegacyFraming {
  static func encode(_ message: RawMessage) -> ByteBuffer {
    let json = object(message)
    guard !message.buffers.isEmpty else {
      var out = ByteBuffer(frame: .text, payload: json.count)
      out.writeBytes(json)
      return out
    }
    let parts = [json] + message.buffers
    let table = 4 * (parts.count + 1)
    var out = ByteBuffer(frame: .binary, payload: parts.reduce(table) { $0 + $1.count })
    out.writeInteger(UInt32(parts.count))
    var offset = table
    for part in parts {
      // Messages are far smaller than 4 GiB: no part of a kernel's message is larger than 256 MiB.
      out.writeInteger(UInt32(truncatingIfNeeded: offset))
      offset += part.count
    }
    for part in parts { out.writeBytes(part) }
    return out
  }

  private static func object(_ message: RawMessage) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(message.size + message.fields.id.utf8.count + 160)
    out += #"{"header":"#.utf8
    out += message.header
    out += #","msg_id":"#.utf8
    JSON.append(escaping: message.fields.id, to: &out)
    out += #","msg_type":"#.utf8
    JSON.append(escaping: message.fields.type, to: &out)
    out += #","parent_header":"#.utf8
    out += message.parent
    out += #","metadata":"#.utf8
    out += message.metadata
    out += #","content":"#.utf8
    out += message.content
    out += #","buffers":[],"channel":""#.utf8
    out += message.channel.rawValue.utf8
    out += #""}"#.utf8
    return out
  }

  static func decode(text: [UInt8]) throws(WebSocketViolation) -> RawMessage { try message(text, buffers: []) }

  static func decode(binary data: [UInt8]) throws(WebSocketViolation) -> RawMessage {
    func word(_ index: Int) -> Int { data[(4 * index)..<(4 * index + 4)].reduce(0) { $0 << 8 | Int($1) } }
    guard data.count >= 8, case let count = word(0), count >= 1, count < data.count / 4 else {
      throw WebSocketViolation(.invalidData, "a binary message must begin with a table of offsets")
    }
    try WebSocketFraming.check(parts: count)
    var offsets: [Int] = []
    offsets.reserveCapacity(count + 1)
    var least = 4 * (count + 1)
    for index in 1...count {
      let offset = word(index)
      guard offset >= least, offset <= data.count else {
        throw WebSocketViolation(.invalidData, "offset \(index) of a message points outside of it")
      }
      offsets.append(offset)
      least = offset
    }
    offsets.append(data.count)
    let parts = zip(offsets, offsets.dropFirst()).map { Array(data[$0..<$1]) }
    return try message(parts[0], buffers: Array(parts[1...]))
  }

  private static func message(_ text: [UInt8], buffers: Frames) throws(WebSocketViolation) -> RawMessage {
    let slices: JSONSlices
    do throws(JSONError) { slices = try JSONSlices(of: text) } catch {
      throw WebSocketViolation(.invalidData, "a message is no JSON object: \(error)")
    }
    func part(_ name: StaticString) -> [UInt8] {
      guard let value = slices[name], !value.elementsEqual("null".utf8) else { return Array("{}".utf8) }
      return Array(value)
    }
    guard slices["header"] != nil else { throw WebSocketViolation(.invalidData, "a message has no header") }
    // Jupyter Server takes those without a channel for shell's.
    let channel = try ConnectionFile.Channel(ofClient: Array((slices.string("channel") ?? "shell").utf8))
    do throws(MessageError) {
      return try RawMessage(
        channel: channel, header: part("header"), parent: part("parent_header"), metadata: part("metadata"),
        content: part("content"), buffers: buffers)
    } catch { throw WebSocketViolation(error) }
  }
}
