// Files of arrival times: CSV or JSON.
import FleetConfiguration
import JSON

enum ArrivalTrace {
  /// Seconds, ascending; they begin where the file's first time is 0. CSV: the column `time`, else the first one.
  /// JSON: an array of numbers, or of objects with `time`.
  static func read(_ path: String) throws(ValueError) -> [Double] {
    let text: String
    do { text = try TextFile.read(path) } catch { throw ValueError(error.description) }
    let times = path.hasSuffix(".json") ? try json(text, path) : try csv(text, path)
    guard let first = times.first else { throw ValueError("\(path) has no times") }
    guard first >= 0, zip(times, times.dropFirst()).allSatisfy({ $0 <= $1 }) else {
      throw ValueError("the times of \(path) must not be negative, and must ascend")
    }
    return times
  }

  private static func json(_ text: String, _ path: String) throws(ValueError) -> [Double] {
    let document: JSON
    do { document = try JSON(parsing: text) } catch { throw ValueError("\(path): \(error.description)") }
    var times: [Double] = []
    for (index, element) in (document.array ?? []).enumerated() {
      guard let time = element.double ?? element["time"]?.double else {
        throw ValueError("\(path): element \(index + 1) is neither a number of seconds nor an object with \"time\"")
      }
      times.append(time)
    }
    return times
  }

  private static func csv(_ text: String, _ path: String) throws(ValueError) -> [Double] {
    var column = 0
    var times: [Double] = []
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let cells = line.split(separator: ",", omittingEmptySubsequences: false).map { cell in
        cell.filter { $0 != " " && $0 != "\"" && $0 != "\r" }
      }
      guard cells.contains(where: { !$0.isEmpty }) else { continue }
      if times.isEmpty, index == 0, Double(cells[0]) == nil || cells.contains("time") {
        column = cells.firstIndex(of: "time") ?? 0
        continue
      }
      guard column < cells.count, let time = Double(cells[column]), time.isFinite else {
        throw ValueError("\(path):\(index + 1): \"\(line)\" has no number of seconds")
      }
      times.append(time)
    }
    return times
  }
}
