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
  ///   - seconds: since 1970 in UTC.
  ///   - microseconds: 0…999,999.
  public static func text(seconds: Int64, microseconds: Int) -> String {
    var clock = time_t(seconds)
    var parts = tm()
    gmtime_r(&clock, &parts)
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
      put(Int(parts.tm_year) + 1900, digits: 4, then: "-")
      put(Int(parts.tm_mon) + 1, digits: 2, then: "-")
      put(Int(parts.tm_mday), digits: 2, then: "T")
      put(Int(parts.tm_hour), digits: 2, then: ":")
      put(Int(parts.tm_min), digits: 2, then: ":")
      put(Int(parts.tm_sec), digits: 2, then: ".")
      put(microseconds, digits: 6, then: "Z")
      return 27
    }
  }
}
