// When clients come: at constant intervals, by chance (a Poisson process with a rate that may change), or as a file says.
import FleetConfiguration
import Glibc

/// How often clients of one kind come.
enum Arrivals: Sendable, Hashable {
  /// Per second, at equal distances.
  case constant(Double)
  case poisson(Double)
  /// A Poisson process whose rate goes from one to the other while its clients come.
  case ramp(Double, Double)
  /// A Poisson process whose rate follows a cosine over the day: least at 4 o'clock, most at 16 o'clock.
  case diurnal(Double, Double)
  /// A Poisson process with rates at times of the day, joined by straight lines; times are seconds since midnight.
  case curve([Point])
  /// Seconds since the clients begin to come, ascending.
  case trace([Double])

  struct Point: Sendable, Hashable {
    var time: Double
    var rate: Double
  }

  static let forms =
    "constant(2/s), poisson(2/s), ramp(1/m, 60/m), diurnal(1/m, 60/m), curve(8h 1/m, 9h 60/m, 18h 1/m) or trace(FILE)"

  /// - Parameter load: reads a file of times.
  static func parse(
    _ text: String, load: (String) throws(ValueError) -> [Double]
  ) throws(ValueError) -> Arrivals {
    guard let call = try Call(text) else { throw ValueError("\"\(text)\" says not how clients come; write \(forms)") }
    let arguments = call.arguments
    switch (call.name, arguments.count) {
    case ("constant", 1): return .constant(try Quantity.rate(arguments[0]))
    case ("poisson", 1): return .poisson(try Quantity.rate(arguments[0]))
    case ("ramp", 2): return .ramp(try Quantity.rate(arguments[0]), try Quantity.rate(arguments[1]))
    case ("diurnal", 2): return .diurnal(try Quantity.rate(arguments[0]), try Quantity.rate(arguments[1]))
    case ("curve", 2...): return .curve(try curve(arguments))
    case ("trace", 1): return .trace(try load(arguments[0]))
    default: throw ValueError("\"\(text)\" says not how clients come; write \(forms)")
    }
  }

  private static func curve(_ arguments: [String]) throws(ValueError) -> [Point] {
    var points: [Point] = []
    for argument in arguments {
      let parts = argument.split(separator: " ")
      guard parts.count == 2 else {
        throw ValueError("\"\(argument)\" is no point of a curve; write a time of the day and a rate, such as 9h 60/m")
      }
      let point = Point(time: try Quantity.seconds(String(parts[0])), rate: try Quantity.rate(String(parts[1])))
      guard point.time > points.last?.time ?? -1, point.time <= 86_400 else {
        throw ValueError("\"\(argument)\" must come after the point before it, and within 24h")
      }
      points.append(point)
    }
    return points
  }
}

/// The times at which clients of one kind come, one after the other.
struct ArrivalProcess {
  private let arrivals: Arrivals
  /// In seconds of the simulation.
  private let (begin, end): (Double, Double)
  /// Seconds from midnight to the begin of the simulation.
  private let clock: Double
  private var random: Randomness
  private var last: Double
  private var count = 0

  init(_ arrivals: Arrivals, from begin: Double, until end: Double, clock: Double, random: Randomness) {
    self.arrivals = arrivals
    (self.begin, self.end) = (begin, end)
    self.clock = clock
    self.random = random
    last = begin
  }

  /// The next one, in seconds of the simulation; nil after the last.
  mutating func next() -> Double? {
    defer { count += 1 }
    switch arrivals {
    case .constant(let rate): last = rate > 0 ? begin + Double(count) / rate : end
    case .trace(let times): last = count < times.count ? begin + times[count] : end
    default:
      // Thinning (Lewis and Shedler, 1979).
      let most = highestRate
      guard most > 0 else { return nil }
      repeat { last += random.exponential(mean: 1 / most) } while last < end && random.unit() * most >= rate(at: last)
    }
    return last < end ? last : nil
  }

  private var highestRate: Double {
    switch arrivals {
    case .poisson(let rate): rate
    case .ramp(let first, let last): max(first, last)
    case .diurnal(let least, let most): max(least, most)
    case .curve(let points): points.map(\.rate).max() ?? 0
    case .constant, .trace: 0
    }
  }

  private func rate(at time: Double) -> Double {
    switch arrivals {
    case .ramp(let first, let last): return first + (last - first) * (time - begin) / max(end - begin, 1e-9)
    case .diurnal(let least, let most):
      let angle = 2 * Double.pi * (clock + time - 16 * 3600) / 86_400
      return (least + most) / 2 + (most - least) / 2 * cos(angle)
    case .curve(let points):
      let now = fmod(clock + time, 86_400)
      guard let after = points.firstIndex(where: { $0.time > now }) else { return points[points.count - 1].rate }
      guard after > 0 else { return points[0].rate }
      let (a, b) = (points[after - 1], points[after])
      return a.rate + (b.rate - a.rate) * (now - a.time) / (b.time - a.time)
    default: return highestRate
    }
  }
}
