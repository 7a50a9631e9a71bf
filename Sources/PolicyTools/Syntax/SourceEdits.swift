// Insertions into a source that leave its lines where they are.

struct SourceEdits {
  private struct Insertion {
    var offset: Int
    /// What closes something comes before what opens something at the same place.
    var opens: Bool
    var text: String
  }

  private var insertions: [Insertion] = []

  /// Of two openings at one place, the outer one must be added first.
  mutating func open(at offset: Int, _ text: String) {
    insertions.append(Insertion(offset: offset, opens: true, text: text))
  }

  /// Of two closings at one place, the inner one must be added first.
  mutating func close(at offset: Int, _ text: String) {
    insertions.append(Insertion(offset: offset, opens: false, text: text))
  }

  func applied(to source: SourceText) -> String {
    let order = insertions.indices.sorted {
      let (a, b) = (insertions[$0], insertions[$1])
      return (a.offset, a.opens ? 1 : 0, $0) < (b.offset, b.opens ? 1 : 0, $1)
    }
    var bytes: [UInt8] = []
    var done = 0
    for index in order {
      bytes += source.bytes[done..<insertions[index].offset]
      bytes += Array(insertions[index].text.utf8)
      done = insertions[index].offset
    }
    bytes += source.bytes[done...]
    return String(decoding: bytes, as: UTF8.self)
  }
}
