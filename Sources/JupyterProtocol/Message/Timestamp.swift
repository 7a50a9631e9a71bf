// Dates as Jupyter writes them: ISO 8601 in UTC with microseconds.
import Glibc

/// Wall-clock time for people and headers; never for deadlines.
public enum Timestamp {
  /// The time now, such as `2026-03-01T09:30:00.000125Z`.
  public static func now() -> String {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return text(seconds: Int64(time.tv_sec), microseconds: Int(time.tv_nsec) / 1000)
  }

  /// - Parameters:
  ///   - seconds: since 1970 in UTC, not before.
  ///   - microseconds: 0…999,999.
  public static func text(seconds: Int64, microseconds: Int) -> String {
    let day = Int(seconds / 86_400)
    let second = Int(seconds % 86_400)
    let date = civil(day)
    return String(unsafeUninitializedCapacity: 27) { out in
      var at = 0
      func put(_ value: Int, digits: Int, then separator: Character) {
        var rest = value
        for place in stride(from: at + digits - 1, through: at, by: -1) {
          out[place] = UInt8(48 + rest % 10)
          rest /= 10
        }
        // Every separator is an ASCII literal below.
        out[at + digits] = separator.asciiValue ?? 0
        at += digits + 1
      }
      put(date.year, digits: 4, then: "-")
      put(date.month, digits: 2, then: "-")
      put(date.day, digits: 2, then: "T")
      put(second / 3600, digits: 2, then: ":")
      put(second / 60 % 60, digits: 2, then: ":")
      put(second % 60, digits: 2, then: ".")
      put(microseconds, digits: 6, then: "Z")
      return 27
    }
  }

  /// The Gregorian date of a day counted from 1970. Not by `gmtime_r`, which reads the time zone's file first.
  private static func civil(_ day: Int) -> (year: Int, month: Int, day: Int) {
    // Years that begin in March have their leap day at the end; eras of 400 such years are all alike.
    let shifted = day + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
  }
}
