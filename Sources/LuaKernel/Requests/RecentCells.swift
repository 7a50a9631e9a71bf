// The latest cells of a session, all of their text in one block: as strings of their own they would take twice as much.

struct RecentCells {
  private struct Cell {
    let number: Int
    let input: Int
    /// Bytes of the output; nil if there was none.
    let output: Int?

    var size: Int { input + (output ?? 0) }
  }

  private let capacity: Int
  private let bytes: Int
  private var cells: [Cell] = []
  /// The input and the output of each cell, one after the other.
  private var text: [UInt8] = []

  /// - Parameters:
  ///   - capacity: how many cells are kept.
  ///   - bytes: how much text is kept; the last cell is kept whatever its size.
  init(capacity: Int, bytes: Int) {
    self.capacity = capacity
    self.bytes = bytes
  }

  mutating func append(_ entry: History.Entry) {
    let cell = Cell(
      number: entry.number, input: entry.input.utf8.count, output: entry.output.map(\.utf8.count))
    if cells.count >= capacity || text.count + cell.size > bytes { makeRoom(for: cell.size) }
    cells.append(cell)
    text += entry.input.utf8
    if let output = entry.output { text += output.utf8 }
  }

  /// Drops a tenth of the cells at least, so that what is behind them moves seldom.
  private mutating func makeRoom(for size: Int) {
    let tenth = cells.count / 10
    var dropped = 0
    var count = 0
    while count < cells.count, count <= tenth || text.count - dropped + size > bytes {
      dropped += cells[count].size
      count += 1
    }
    cells.removeFirst(count)
    text.removeFirst(dropped)
    // A huge cell that is gone must not keep its room.
    if text.capacity > 2 * bytes { text = text.withUnsafeBufferPointer { Array($0) } }
  }

  /// The code of a cell, if it is still there.
  func input(of number: Int) -> String? {
    var end = text.count
    for cell in cells.reversed() {
      end -= cell.size
      if cell.number == number { return String(decoding: text[end..<end + cell.input], as: UTF8.self) }
    }
    return nil
  }

  /// All cells, the oldest first.
  func entries(session: Int) -> [History.Entry] {
    var start = 0
    return cells.map { cell in
      defer { start += cell.size }
      let middle = start + cell.input
      return History.Entry(
        session: session, number: cell.number, input: String(decoding: text[start..<middle], as: UTF8.self),
        output: cell.output.map { String(decoding: text[middle..<middle + $0], as: UTF8.self) })
    }
  }
}
