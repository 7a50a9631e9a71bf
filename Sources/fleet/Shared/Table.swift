// Tables for people: aligned columns, coloured cells.

struct Table {
  struct Cell: ExpressibleByStringInterpolation {
    var text: String
    var colour: Output.Colour?

    init(_ text: String, _ colour: Output.Colour? = nil) {
      self.text = text
      self.colour = colour
    }

    init(stringLiteral value: String) { self.init(value) }
  }

  struct Column {
    var title: String
    var alignsRight = false

    static func left(_ title: String) -> Column { Column(title: title) }
    static func right(_ title: String) -> Column { Column(title: title, alignsRight: true) }
  }

  private let columns: [Column]
  private var rows: [[Cell]] = []

  init(_ columns: [Column]) { self.columns = columns }

  mutating func add(_ cells: [Cell]) {
    precondition(cells.count == columns.count)
    rows.append(cells)
  }

  /// With the titles, and a line end after each line.
  var text: String {
    let all = [columns.map { Cell($0.title, .bold) }] + rows
    let widths = columns.indices.map { column in all.map { $0[column].text.count }.max() ?? 0 }
    var text = ""
    for row in all {
      var line = ""
      for (index, cell) in row.enumerated() {
        let padding = String(repeating: " ", count: widths[index] - cell.text.count)
        let coloured = Output.coloured(cell.text, cell.colour)
        let isLast = index == row.count - 1
        line += columns[index].alignsRight ? padding + coloured : coloured + (isLast ? "" : padding)
        if !isLast { line += "  " }
      }
      text += line + "\n"
    }
    return text
  }
}

/// Numbers as people read them.
enum Words {
  /// "3.1M", "512M", "1.2G".
  static func megabytes(_ value: Double) -> String {
    if value >= 1024 { return tenths(value / 1024) + "G" }
    return (value < 100 ? tenths(value) : String(Int(value.rounded()))) + "M"
  }

  static func percent(_ value: Double) -> String { tenths(value) + "%" }

  /// "740ns", "3.1µs", "12.0ms".
  static func microseconds(_ value: Double) -> String {
    if value < 1 { return "\(Int((value * 1000).rounded()))ns" }
    return value < 1000 ? tenths(value) + "µs" : tenths(value / 1000) + "ms"
  }

  /// Without a fraction where there is none.
  static func number(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\((value * 100).rounded() / 100)"
  }

  /// "12s", "3m05s", "2h10m", "4d03h".
  static func uptime(_ seconds: Double) -> String {
    let seconds = Int(max(0, seconds))
    func pair(_ large: Int, _ letter: String, _ small: Int, _ smallLetter: String) -> String {
      "\(large)\(letter)\(small < 10 ? "0" : "")\(small)\(smallLetter)"
    }
    switch seconds {
    case ..<60: return "\(seconds)s"
    case ..<3600: return pair(seconds / 60, "m", seconds % 60, "s")
    case ..<86_400: return pair(seconds / 3600, "h", seconds % 3600 / 60, "m")
    default: return pair(seconds / 86_400, "d", seconds % 86_400 / 3600, "h")
    }
  }

  static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

  private static func tenths(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(abs(tenths % 10))"
  }
}
