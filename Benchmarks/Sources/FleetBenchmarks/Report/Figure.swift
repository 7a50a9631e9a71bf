// What a benchmark says: figures with their aims, and the measurements behind them.
import Glibc

/// One line of the final table.
struct Figure {
  var name: String
  var aim: String
  var measured: String
  /// Nil for a figure without an aim, which is there to judge others by.
  var isMet: Bool?
}

extension Figure {
  /// A value that must not be greater than its aim.
  init(_ name: String, _ value: Double, atMost aim: Double, _ format: (Double) -> String) {
    self.init(name: name, aim: "≤ " + format(aim), measured: format(value), isMet: value <= aim)
  }

  /// A value that must not be less than its aim.
  init(_ name: String, _ value: Double, atLeast aim: Double, _ format: (Double) -> String) {
    self.init(name: name, aim: "≥ " + format(aim), measured: format(value), isMet: value >= aim)
  }
}

/// Takes figures, and prints what belongs to them as it comes.
struct Report {
  private(set) var figures: [Figure] = []

  /// A benchmark begins.
  func title(_ name: String, _ what: String) { show("\n\(name): \(what)") }

  func line(_ text: String) { show("  " + text) }

  /// At once, to files and pipes too.
  private func show(_ text: String) {
    print(text)
    fflush(nil)
  }

  func line(_ what: String, _ samples: Samples) { line(what, samples.summary) }

  func line(_ what: String, _ value: String) { line(what.padded(to: 36) + value) }

  mutating func add(_ figure: Figure) { figures.append(figure) }

  /// All figures in one table.
  func printTable() {
    let rows =
      [("figure", "aim", "measured", "")]
      + figures.map { ($0.name, $0.aim, $0.measured, $0.isMet.map { $0 ? "met" : "MISSED" } ?? "") }
    let widths = (
      rows.map(\.0.count).max() ?? 0, rows.map(\.1.count).max() ?? 0, rows.map(\.2.count).max() ?? 0
    )
    show("")
    for row in rows {
      let line =
        row.0.padded(to: widths.0 + 2) + row.1.padded(to: widths.1 + 2) + row.2.padded(to: widths.2 + 2) + row.3
      show(line)
    }
  }
}

extension String {
  func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
