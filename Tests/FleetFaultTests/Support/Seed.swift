// Chance that can be repeated: FLEET_SEED names the seed that a run printed.
import Foundation

/// SplitMix64.
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64
  let seed: UInt64

  init(seed: UInt64) { (state, self.seed) = (seed, seed) }

  /// That of `FLEET_SEED`, or a fresh one; printed.
  static func announced(_ what: String) -> SeededRandom {
    let given = ProcessInfo.processInfo.environment["FLEET_SEED"].flatMap(UInt64.init)
    let random = SeededRandom(seed: given ?? UInt64.random(in: 0..<(1 << 48)))
    print("\(what): FLEET_SEED=\(random.seed)")
    return random
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func one(in count: Int) -> Bool { next() % UInt64(count) == 0 }
  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}

/// What a test is told from outside.
enum Scale {
  private static func number(_ name: String) -> Int? { ProcessInfo.processInfo.environment[name].flatMap(Int.init) }

  /// `make soak`: every call, and not a sample of them; more of everything.
  static var isLong: Bool { ProcessInfo.processInfo.environment["FLEET_SOAK"] != nil }
  static func count(_ short: Int, long: Int) -> Int { isLong ? long : short }
}
