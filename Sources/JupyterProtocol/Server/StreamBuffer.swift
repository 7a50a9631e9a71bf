// Text of stdout and stderr that is about to be published, cut where characters end.
import JSON

/// What a program has written and no client has been sent yet. Holds one stream of one request at a time.
struct StreamBuffer {
  private(set) var stream = ""
  private(set) var parent: MessageHeader?
  private var bytes: [UInt8] = []

  var isEmpty: Bool { bytes.isEmpty }
  var count: Int { bytes.count }

  /// Whether text of this stream and request can be added to what is there.
  func accepts(_ stream: String, _ parent: MessageHeader?) -> Bool {
    bytes.isEmpty || (self.stream == stream && self.parent?.id == parent?.id)
  }

  mutating func append(_ text: UnsafeRawBufferPointer, stream: String, parent: MessageHeader?) {
    if bytes.isEmpty {
      self.stream = stream
      self.parent = parent
    }
    bytes += text
  }

  /// What can be sent now as a `stream` message's content, and how many bytes of the buffer it takes.
  /// - Parameter all: also a character that is not complete yet; else it waits for the rest of its bytes.
  /// - Returns: nil when there is nothing to send.
  func content(all: Bool) -> (json: [UInt8], taking: Int)? {
    let end = all ? bytes.count : StreamBuffer.endOfCharacters(bytes)
    guard end > 0 else { return nil }
    var json: [UInt8] = []
    json.reserveCapacity(end + end / 8 + 40)
    json += #"{"name":""#.utf8
    json += stream.utf8
    json += #"","text":"#.utf8
    // Programs write any bytes; what is not UTF-8 is shown as U+FFFD.
    JSON.append(escaping: String(decoding: bytes[..<end], as: UTF8.self), to: &json)
    json.append(UInt8(ascii: "}"))
    return (json, end)
  }

  mutating func remove(_ count: Int) { bytes.removeSubrange(..<count) }

  /// Where the last complete character ends. Bytes that are not UTF-8 count as complete.
  private static func endOfCharacters(_ bytes: [UInt8]) -> Int {
    for back in 1...3 where back <= bytes.count {
      let byte = bytes[bytes.count - back]
      if byte & 0xC0 == 0x80 { continue }
      let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
      return length > back ? bytes.count - back : bytes.count
    }
    return bytes.count
  }
}
