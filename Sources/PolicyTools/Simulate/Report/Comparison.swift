// Several policies under the same clients, side by side.
import FleetEngine

public enum Comparison {
  /// - Parameters:
  ///   - reports: of the same scenario and seed, each with its variant's name.
  ///   - width: of the terminal.
  public static func text(_ reports: [SimulationReport], width: Int) -> String {
    guard let first = reports.first else { return "" }
    var lines = [
      "\(first.name): \(Words.time(first.duration)) of virtual time, seed \(first.seed), the same clients for all"
    ]
    if let summary = first.summary { lines.append(summary) }
    lines.append("")
    let rows = rows(reports).filter { row in row.cells.contains { $0 != "0" && $0 != "" } }
    let title = rows.map(\.title.count).max() ?? 0
    let columns = reports.indices.map { index in
      max(reports[index].variant.count, rows.map { $0.cells[index].count }.max() ?? 0)
    }
    func line(_ title: String, _ cells: [String], _ longest: Int) -> String {
      title + String(repeating: " ", count: longest - title.count)
        + zip(cells, columns).map { "  " + String(repeating: " ", count: $1 - $0.count) + $0 }.joined()
    }
    lines.append(line("", reports.map(\.variant), title))
    for row in rows { lines.append(line(row.title, row.cells, title)) }
    guard reports.contains(where: \.changes) else { return lines.joined(separator: "\n") + "\n" }
    let most = reports.map(\.peak).max() ?? 0
    lines.append("")
    for report in reports {
      lines.append("kernels with \(report.variant)")
      lines += Plot.curve(report.series.map(\.kernels), most: most, width: width, height: 3)
    }
    let indent = Words.count(max(1, most)).count + 2
    lines.append(Plot.axis(first.duration, begins: first.begins, indent: indent, width: width))
    return lines.joined(separator: "\n") + "\n"
  }

  private static func rows(_ reports: [SimulationReport]) -> [(title: String, cells: [String])] {
    func row(_ title: String, _ cell: (SimulationReport) -> String) -> (title: String, cells: [String]) {
      (title, reports.map(cell))
    }
    func count(_ title: String, _ number: @escaping (SimulationReport) -> Int) -> (title: String, cells: [String]) {
      row(title) { Words.count(number($0)) }
    }
    return [
      row("clients served") { Words.percent($0.success) },
      count("refused") { $0.count(.refused) },
      count("waited too long for a kernel") { $0.count(.impatient) },
      count("waited too long for an answer") { $0.count(.unanswered) },
      count("lost their kernel") { $0.count(.lost) },
      row("wait for a kernel, p50") { Words.time($0.waits.p50) },
      row("wait for a kernel, p99") { Words.time($0.waits.p99) },
      row("wait for a kernel, max") { Words.time($0.waits.maximum) },
      row("wait for an answer, p50") { Words.time($0.responses.p50) },
      row("wait for an answer, p99") { Words.time($0.responses.p99) },
      row("wait for an answer, max") { Words.time($0.responses.maximum) },
      count("goal for waiting missed") { $0.lateWaits },
      count("goal for answers missed") { $0.lateResponses },
      count("kernels at most") { $0.peak },
      row("kernels on average") { Words.fixed($0.kernelSeconds / $0.duration, 1) },
      count("kernel-seconds") { Int($0.kernelSeconds.rounded()) },
      count("launched") { $0.launches },
      count("stopped") { $0.retired },
      count("failed to start") { $0.failedStarts },
      count("crashed") { $0.crashes.values.reduce(0, +) },
      count("policy failed") { $0.entries.values.map(\.fallbacks).reduce(0, +) },
      count("answers clamped") { $0.entries.values.map(\.clamped).reduce(0, +) },
      count("alerts fired") { $0.fired.values.reduce(0, +) },
    ]
  }
}
