// Chance that can be repeated: FLEET_SEED names the seed that a run printed.

import Foundation

/// SplitMix64.
struct SeededRandom: RandomNumberGenerator, Sendable {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  /// That of `FLEET_SEED`, or a fresh one; printed.
  static func announced(_ what: String) -> SeededRandom {
    let given = ProcessInfo.processInfo.environment["FLEET_SEED"].flatMap(UInt64.init)
    let seed = given ?? UInt64.random(in: 0..<(1 << 48))
    print("\(what): FLEET_SEED=\(seed)")
    return SeededRandom(seed: seed)
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
