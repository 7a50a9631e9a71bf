// Wall time as text and back: UTC, ISO 8601.
import Glibc

public enum WallTime {
  /// "2024-01-01T08:00:03Z".
  static func text(_ milliseconds: Int64) -> String {
    let seconds = milliseconds >= 0 ? milliseconds / 1000 : (milliseconds - 999) / 1000
    let day = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
    let rest = Int(seconds - day * 86_400)
    let (year, month, date) = civil(day)
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(year)-\(two(month))-\(two(date))T\(two(rest / 3600)):\(two(rest / 60 % 60)):\(two(rest % 60))Z"
  }

  /// Milliseconds since 1970 of "2024-01-01", "2024-01-01T08:00", "2024-01-01T08:00:03Z"; nil if it is none.
  /// All are taken for UTC.
  public static func milliseconds(_ text: String) -> Int64? {
    var text = text[...]
    if text.hasSuffix("Z") { text = text.dropLast() }
    let halves = text.split(separator: text.contains("T") ? "T" : " ", omittingEmptySubsequences: false)
    let date = halves[0].split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
    guard halves.count <= 2, date.count == 3, let year = date[0], let month = date[1], let day = date[2],
      (1970...9999).contains(year), (1...12).contains(month), (1...31).contains(day)
    else { return nil }
    var seconds = days(year, month, day) * 86_400
    if halves.count == 2 {
      let time = halves[1].split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
      guard (2...3).contains(time.count), let hour = time[0], let minute = time[1], (0..<24).contains(hour),
        (0..<60).contains(minute)
      else { return nil }
      seconds += Int64(hour * 3600 + minute * 60)
      if time.count == 3 {
        guard let second = time[2], (0..<60).contains(second) else { return nil }
        seconds += Int64(second)
      }
    }
    return seconds * 1000
  }

  // Days since 1970 and the civil calendar: Howard Hinnant, "chrono-compatible low-level date algorithms".
  private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int64 {
    let year = month <= 2 ? year - 1 : year
    let era = year / 400
    let ofEra = year - era * 400
    let ofYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    return Int64(era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468)
  }

  private static func civil(_ days: Int64) -> (Int, Int, Int) {
    let shifted = Int(days) + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let ofEra = shifted - era * 146_097
    let year = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
    let ofYear = ofEra - (365 * year + year / 4 - year / 100)
    let month = (5 * ofYear + 2) / 153
    let day = ofYear - (153 * month + 2) / 5 + 1
    let civilMonth = month < 10 ? month + 3 : month - 9
    return (year + era * 400 + (civilMonth <= 2 ? 1 : 0), civilMonth, day)
  }
}

extension WallTime {
  /// Milliseconds since 1970.
  public static var now: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }
}
