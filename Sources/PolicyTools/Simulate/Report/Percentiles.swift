// What is typical and what is worst.
import JSON

public struct Percentiles: Sendable, Hashable {
  public let count: Int
  public let mean: Double
  public let p50: Double
  public let p90: Double
  public let p99: Double
  public let maximum: Double

  /// Of the nearest rank; zeros of nothing.
  init(_ values: [Double]) {
    let sorted = values.sorted()
    func rank(_ share: Double) -> Double {
      sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, max(0, Int((share * Double(sorted.count)).rounded(.up)) - 1))]
    }
    count = sorted.count
    mean = sorted.isEmpty ? 0 : sorted.reduce(0, +) / Double(sorted.count)
    p50 = rank(0.5)
    p90 = rank(0.9)
    p99 = rank(0.99)
    maximum = sorted.last ?? 0
  }

  var json: JSON {
    [
      "count": JSON(count), "mean": .double(mean), "p50": .double(p50), "p90": .double(p90), "p99": .double(p99),
      "max": .double(maximum),
    ]
  }
}
