// Chance in a simulation: everything is drawn from one seed, and each purpose has a stream of its own, so that two
// policies meet the same clients.
import Glibc

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Randomness: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  /// A stream that depends on the seed, its purpose and a number, and on nothing that was drawn before.
  init(seed: UInt64, _ stream: Stream, _ number: Int) {
    var mixer = Randomness(seed: seed ^ (stream.rawValue &* 0xD6E8_FEB8_6659_FD93))
    state = mixer.next() ^ (UInt64(bitPattern: Int64(number)) &* 0x9E37_79B9_7F4A_7C15)
    state = next()
  }

  enum Stream: UInt64 { case arrivals = 1, session, launch, fault, identity }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// From 0 up to, and without, 1.
  mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  mutating func below(_ count: Int) -> Int { Int(next() % UInt64(count)) }

  mutating func exponential(mean: Double) -> Double { -mean * log(1 - unit()) }

  /// Box and Muller.
  mutating func normal() -> Double { sqrt(-2 * log(1 - unit())) * cos(2 * .pi * unit()) }
}
