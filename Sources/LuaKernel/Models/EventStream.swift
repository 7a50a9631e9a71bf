// Server-sent events, as both APIs stream their answers: https://html.spec.whatwg.org/multipage/server-sent-events.html

/// Takes bytes as they come and gives the data of whole events.
struct EventStream {
  private var line: [UInt8] = []
  private var data: [UInt8] = []
  private var hasData = false
  private var endedByReturn = false

  /// Whether an event has begun that is not complete.
  var isInside: Bool { hasData || !line.isEmpty }

  /// The data of the events that these bytes complete.
  mutating func take(_ bytes: UnsafeRawBufferPointer) -> [[UInt8]] {
    var events: [[UInt8]] = []
    for byte in bytes {
      let followsReturn = endedByReturn
      endedByReturn = byte == UInt8(ascii: "\r")
      switch byte {
      case UInt8(ascii: "\n") where followsReturn: continue
      case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
        if let event = endLine() { events.append(event) }
      default: line.append(byte)
      }
    }
    return events
  }

  /// - Returns: the event's data if an empty line has ended it.
  private mutating func endLine() -> [UInt8]? {
    defer { line.removeAll(keepingCapacity: true) }
    if line.isEmpty {
      defer { (data, hasData) = ([], false) }
      return hasData ? data : nil
    }
    // Other fields, and comments that keep a connection open, say nothing that the data does not.
    guard line.starts(with: "data:".utf8) else { return nil }
    var value = line.dropFirst(5)
    if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
    if hasData { data.append(UInt8(ascii: "\n")) }
    data += value
    hasData = true
    return nil
  }
}
