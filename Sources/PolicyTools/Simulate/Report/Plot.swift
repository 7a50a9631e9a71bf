// Curves in a terminal: columns of eighths of a character.

enum Plot {
  private static let eighths = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

  /// The values in as many columns as there are, each the greatest of its stretch.
  static func columns(_ values: [Int], _ width: Int) -> [Int] {
    guard !values.isEmpty, width > 0 else { return [] }
    return (0..<width).map { column in
      let first = column * values.count / width
      let last = max(first, (column + 1) * values.count / width - 1)
      return values[first...min(last, values.count - 1)].max() ?? 0
    }
  }

  /// A curve of so many lines, with the value of its top at the left.
  /// - Parameter top: the greatest value if none is given.
  static func curve(_ values: [Int], most top: Int? = nil, width: Int, height: Int) -> [String] {
    let most = max(1, top ?? 0, values.max() ?? 0)
    let label = Words.count(most)
    let inner = max(10, width - label.count - 2)
    let columns = columns(values, inner)
    return (0..<height).map { line in
      let floor = Double(height - line - 1)
      let cells = columns.map { value in
        let level = Double(value) / Double(most) * Double(height) - floor
        let least = value > 0 && floor == 0 ? 1 : 0
        return eighths[max(least, min(8, Int((level * 8).rounded())))]
      }
      let name = line == 0 ? label : line == height - 1 ? "0" : ""
      let end = cells.lastIndex { $0 != " " }.map { $0 + 1 } ?? 0
      return String(repeating: " ", count: label.count - name.count) + name + " ┤" + cells[..<end].joined()
    }
  }

  /// The curve in one line.
  static func line(_ values: [Int], width: Int) -> String {
    let most = max(1, values.max() ?? 0)
    return columns(values, width).map { value in
      eighths[value == 0 ? 0 : max(1, Int((Double(value) / Double(most) * 8).rounded()))]
    }.joined()
  }

  /// The times below a curve.
  static func axis(_ duration: Double, begins: Double, indent: Int, width: Int) -> String {
    let inner = max(10, width - indent)
    let marks = max(2, min(6, inner / 12))
    var line = ""
    for mark in 0..<marks {
      let time = duration * Double(mark) / Double(marks - 1)
      let text = begins > 0 || duration >= 6 * 3600 ? clock(begins + time) : Words.time(time)
      let place = min(Int(Double(inner - 1) * Double(mark) / Double(marks - 1)), inner - text.count)
      if place > line.count || line.isEmpty {
        line += String(repeating: " ", count: max(0, place - line.count)) + text
      }
    }
    return String(repeating: " ", count: indent) + line
  }

  /// "9:05".
  private static func clock(_ seconds: Double) -> String {
    let minutes = Int(seconds / 60)
    let (hour, minute) = (minutes / 60 % 24, minutes % 60)
    return "\(hour):\(minute < 10 ? "0" : "")\(minute)"
  }
}
