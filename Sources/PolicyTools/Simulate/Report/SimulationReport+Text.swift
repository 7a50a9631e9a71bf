// A report for people.
import FleetEngine

extension SimulationReport {
  /// - Parameter width: of the terminal.
  public func text(width: Int) -> String {
    var lines = ["\(name): \(Words.time(duration)) of virtual time, seed \(seed)"]
    if let summary { lines.append(summary) }
    let asked = EntryPoint.allCases.compactMap { entry in
      policies[entry].map { "\(entry.rawValue) \($0.joined(separator: ", "))" }
    }
    lines.append("policies   " + (asked.isEmpty ? "none: the host's own rules" : asked.joined(separator: " · ")))
    lines.append("")
    lines += times()
    lines.append("")
    lines += clients()
    lines += kernels(width)
    lines += decisions()
    for (name, count) in Words.top(fired, 8).first {
      lines.append("alert      \(name) fired \(Self.times(count)), was resolved \(Self.times(resolved[name] ?? 0))")
    }
    lines += misses.map { "missed     \($0)" }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func times(_ count: Int) -> String {
    switch count {
    case 0: "never"
    case 1: "once"
    default: "\(Words.count(count)) times"
    }
  }

  private func times() -> [String] {
    func row(_ name: String, _ cells: [String]) -> String {
      name + String(repeating: " ", count: 24 - name.count)
        + cells.map { String(repeating: " ", count: max(0, 10 - $0.count)) + $0 }.joined()
    }
    func row(_ name: String, _ values: Percentiles) -> String {
      row(name, [values.p50, values.p90, values.p99, values.maximum].map(Words.time))
    }
    var lines = [row("", ["p50", "p90", "p99", "max"]), row("waiting for a kernel", waits)]
    if responses.count > 0 { lines.append(row("waiting for an answer", responses)) }
    return lines
  }

  private func clients() -> [String] {
    var parts = ["\(Words.count(count(.served))) served (\(Words.percent(success)))"]
    let others: [(SessionEnd, String)] = [
      (.refused, "refused"), (.impatient, "waited too long for a kernel"),
      (.unanswered, "waited too long for an answer"), (.lost, "lost their kernel"),
    ]
    for (end, words) in others where count(end) > 0 { parts.append("\(Words.count(count(end))) \(words)") }
    if unfinished > 0 { parts.append("\(Words.count(unfinished)) still there") }
    var lines = ["clients    \(Words.count(arrivals)): " + parts.joined(separator: ", ")]
    lines += Self.list("refused", refusals)
    return lines
  }

  private static func list(_ title: String, _ counts: [String: Int]) -> [String] {
    let (first, others) = Words.top(counts, 5)
    let padding = String(repeating: " ", count: 11 - title.count)
    var lines = first.map { "\(title)\(padding)\(Words.count($0.count)) × \($0.text)" }
    if others > 0 { lines.append("\(title)\(padding)and \(others) other reasons") }
    return lines
  }

  private func kernels(_ width: Int) -> [String] {
    var parts = [
      "\(Words.count(peak)) at most, \(Words.fixed(kernelSeconds / duration, 1)) on average",
      "\(Words.count(Int(kernelSeconds.rounded()))) kernel-seconds",
      "\(Words.count(launches)) launched", "\(Words.count(retired)) stopped",
    ]
    if failedStarts > 0 { parts.append("\(Words.count(failedStarts)) failed to start") }
    let crashed = crashes.values.reduce(0, +)
    if crashed > 0 { parts.append("\(Words.count(crashed)) crashed") }
    if hostRestarts > 0 { parts.append("the host restarted \(Self.times(hostRestarts))") }
    var lines = ["kernels    " + parts.joined(separator: ", ")]
    lines += Self.list("crashed", crashes)
    return lines + curves(width)
  }

  /// How the numbers went; of what did not change nothing.
  private func curves(_ width: Int) -> [String] {
    var lines: [String] = []
    if changes {
      lines += Plot.curve(series.map(\.kernels), width: width, height: 5)
      let indent = Words.count(max(1, series.map(\.kernels).max() ?? 0)).count + 2
      lines.append(Plot.axis(duration, begins: begins, indent: indent, width: width))
    }
    let inner = width - 11
    if series.contains(where: { $0.used > 0 }) {
      lines.append("in use     " + Plot.line(series.map(\.used), width: inner))
    }
    if series.contains(where: { $0.waiting > 0 }) {
      lines.append("waiting    " + Plot.line(series.map(\.waiting), width: inner))
    }
    if !changes { lines.append(Plot.axis(duration, begins: begins, indent: 11, width: width)) }
    return lines
  }

  /// The number of kernels is not the same all the time.
  var changes: Bool { Set(series.dropFirst().map(\.kernels)).count > 1 }

  private func decisions() -> [String] {
    var lines: [String] = []
    for entry in EntryPoint.allCases {
      guard let counts = entries[entry] else { continue }
      var parts = ["\(Words.count(counts.asked)) decisions"]
      let outcomes = counts.outcomes.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      if outcomes.count > 1 || entry == .route {
        parts.append(outcomes.map { "\(Words.count($0.value)) \($0.key)" }.joined(separator: ", "))
      }
      if counts.fallbacks > 0 {
        parts.append("\(Words.count(counts.fallbacks)) by the native rule, for the policy failed")
      }
      if counts.clamped > 0 { parts.append("\(Words.count(counts.clamped)) clamped") }
      let name = entry.rawValue
      lines.append(name + String(repeating: " ", count: 11 - name.count) + parts.joined(separator: " · "))
    }
    return lines + Self.list("clamped", clamps) + Self.list("failed", failures)
  }
}
