// Random quantities as a scenario writes them: "2s", "uniform(1s, 3s)", "lognormal(800ms, 0.5)".
import FleetConfiguration
import Glibc

/// A distribution of lengths of time (in seconds), counts or bytes. None of its values is negative.
struct Distribution: Sendable, Hashable {
  enum Shape: Sendable, Hashable {
    case constant(Double)
    case uniform(Double, Double)
    case exponential(mean: Double)
    case normal(mean: Double, deviation: Double)
    /// The sigma is that of the logarithm.
    case lognormal(median: Double, sigma: Double)
    case pareto(least: Double, shape: Double)
  }

  let shape: Shape

  static func constant(_ value: Double) -> Distribution { Distribution(shape: .constant(value)) }

  func sample(_ random: inout Randomness) -> Double {
    switch shape {
    case .constant(let value): value
    case .uniform(let least, let most): least + (most - least) * random.unit()
    case .exponential(let mean): random.exponential(mean: mean)
    case .normal(let mean, let deviation): max(0, mean + deviation * random.normal())
    case .lognormal(let median, let sigma): median * exp(sigma * random.normal())
    case .pareto(let least, let shape): least / pow(1 - random.unit(), 1 / shape)
    }
  }

  /// Nanoseconds, if it is of seconds.
  func time(_ random: inout Randomness) -> Int64 { Int64((min(sample(&random), 1e9) * 1e9).rounded()) }

  func count(_ random: inout Randomness) -> Int { Int(min(sample(&random), 1e9).rounded()) }

  /// - Parameter quantity: reads one number with its unit.
  static func parse(
    _ text: String, _ quantity: (String) throws(ValueError) -> Double
  ) throws(ValueError) -> Distribution {
    guard let call = try Call(text) else { return constant(try quantity(text)) }
    func number(_ index: Int) throws(ValueError) -> Double {
      guard let value = Double(call.arguments[index]), value.isFinite, value > 0 else {
        throw ValueError("\"\(call.arguments[index])\" in \"\(text)\" must be a number above 0")
      }
      return value
    }
    switch (call.name, call.arguments.count) {
    case ("uniform", 2):
      let (least, most) = (try quantity(call.arguments[0]), try quantity(call.arguments[1]))
      guard least <= most else { throw ValueError("\"\(text)\" ends before it begins") }
      return Distribution(shape: .uniform(least, most))
    case ("exponential", 1): return Distribution(shape: .exponential(mean: try quantity(call.arguments[0])))
    case ("normal", 2):
      return Distribution(
        shape: .normal(mean: try quantity(call.arguments[0]), deviation: try quantity(call.arguments[1])))
    case ("lognormal", 2):
      return Distribution(shape: .lognormal(median: try quantity(call.arguments[0]), sigma: try number(1)))
    case ("pareto", 2):
      return Distribution(shape: .pareto(least: try quantity(call.arguments[0]), shape: try number(1)))
    default:
      throw ValueError(
        "\"\(text)\" is no distribution; write a value, uniform(least, most), exponential(mean), "
          + "normal(mean, deviation), lognormal(median, sigma) or pareto(least, shape)")
    }
  }
}

/// `name(argument, argument)` as text.
struct Call {
  let name: String
  let arguments: [String]

  /// Nil if there is no parenthesis in it.
  init?(_ text: String) throws(ValueError) {
    guard let open = text.firstIndex(of: "(") else { return nil }
    guard text.last == ")" else { throw ValueError("\"\(text)\" has no \")\" at its end") }
    name = text[..<open].filter { $0 != " " }
    let inner = text[text.index(after: open)..<text.index(before: text.endIndex)]
    arguments = inner.split(separator: ",", omittingEmptySubsequences: false).map { part in
      String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
  }
}

/// Numbers with their units.
enum Quantity {
  @Sendable static func seconds(_ text: String) throws(ValueError) -> Double {
    let (seconds, attoseconds) = try DurationText.parse(text).components
    return Double(seconds) + Double(attoseconds) / 1e18
  }

  @Sendable static func nanoseconds(_ text: String) throws(ValueError) -> Int64 {
    Int64((try seconds(text) * 1e9).rounded())
  }

  @Sendable static func number(_ text: String) throws(ValueError) -> Double {
    guard let value = Double(text), value.isFinite, value >= 0 else {
      throw ValueError("\"\(text)\" is no number that is not negative")
    }
    return value
  }

  @Sendable static func bytes(_ text: String) throws(ValueError) -> Double {
    Double(try ByteCount(parsing: text).bytes)
  }

  /// "30/m": so many per second.
  @Sendable static func rate(_ text: String) throws(ValueError) -> Double {
    let complaint = ValueError("\"\(text)\" is no rate; write it as 2/s, 30/m, 500/h or 1000/d")
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let count = Double(parts[0].filter { $0 != " " }), count.isFinite, count >= 0 else {
      throw complaint
    }
    switch parts[1].filter({ $0 != " " }) {
    case "s": return count
    case "m": return count / 60
    case "h": return count / 3600
    case "d": return count / 86_400
    default: throw complaint
    }
  }
}
