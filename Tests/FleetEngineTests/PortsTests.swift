// The lowest free base port, compared with a search through all.
import FleetEngine
import Testing

struct PortsTests {
  @Test func theLowestIsFoundWhateverCameBefore() {
    var random = SplitMix64(seed: 9555)
    var ports = Ports(base: 9555)
    var held: [Int] = []
    let now = Instant(nanoseconds: 0)
    for _ in 1...2000 {
      if Bool.random(using: &random), !held.isEmpty {
        let port = held.remove(at: Int.random(in: held.indices, using: &random))
        ports.release(port, of: .number(port))
      } else {
        let odd = Int.random(in: 9400...9700, using: &random)
        let port = Int.random(in: 0...3, using: &random) == 0 ? odd : ports.next(now: now) ?? odd
        if ports.holder(of: port) == nil {
          ports.take(port, for: .number(port))
          held.append(port)
        }
      }
      let lowest = stride(from: 9555, through: 65_531, by: 5).first { base in held.allSatisfy { abs($0 - base) >= 5 } }
      #expect(ports.next(now: now) == lowest)
      if ports.next(now: now) != lowest { return }
    }
  }

  @Test func whoDoesNotHoldAPortCannotGiveItBack() {
    var ports = Ports(base: 9555)
    ports.take(9555, for: .number(1))
    ports.release(9555, of: .number(2))
    #expect(ports.holder(of: 9555) == .number(1))
    #expect(ports.kernel(at: 9555) == .number(1))
  }
}
