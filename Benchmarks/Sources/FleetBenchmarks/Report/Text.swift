// Numbers as people read them.
import Foundation

enum Text {
  /// With three digits and the unit that suits.
  static func time(_ seconds: Double) -> String {
    switch seconds {
    case ..<1e-6: digits(seconds * 1e9) + " ns"
    case ..<1e-3: digits(seconds * 1e6) + " µs"
    case ..<1: digits(seconds * 1e3) + " ms"
    default: digits(seconds) + " s"
    }
  }

  static func megabytes(_ bytes: Double) -> String { digits(bytes / 1_048_576) + " MiB" }
  static func ratio(_ value: Double) -> String { String(format: "%.2f×", value) }
  static func percent(_ share: Double) -> String { String(format: "%.3f %%", share * 100) }

  private static func digits(_ value: Double) -> String {
    String(format: value < 10 ? "%.2f" : value < 100 ? "%.1f" : "%.0f", value)
  }
}
