// When clients come, and how random quantities are spread.
import FleetConfiguration
import Glibc
import Testing

@testable import PolicyTools

@Suite struct ArrivalTests {
  private func times(_ text: String, until end: Double, clock: Double = 0) throws -> [Double] {
    let arrivals = try Arrivals.parse(text) { path throws(ValueError) in try ArrivalTrace.read(path) }
    var process = ArrivalProcess(
      arrivals, from: 0, until: end, clock: clock, random: Randomness(seed: 1, .arrivals, 0))
    var times: [Double] = []
    while let time = process.next() { times.append(time) }
    return times
  }

  @Test func constant() throws {
    #expect(try times("constant(2/s)", until: 2) == [0, 0.5, 1, 1.5])
    #expect(try times("constant(0/s)", until: 2) == [])
  }

  @Test func poisson() throws {
    let times = try times("poisson(10/s)", until: 1000)
    #expect((9700...10_300).contains(times.count))
    #expect(times == times.sorted())
    // The gaps are exponential: as wide as they are long on average.
    let gaps = zip(times.dropFirst(), times).map { $0 - $1 }
    let mean = gaps.reduce(0, +) / Double(gaps.count)
    let variance = gaps.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(gaps.count)
    #expect((0.95...1.05).contains(variance.squareRoot() / mean))
  }

  @Test func ramp() throws {
    let times = try times("ramp(0/s, 20/s)", until: 1000)
    #expect((9600...10_400).contains(times.count))
    let early = times.count { $0 < 500 }
    #expect((0.22...0.28).contains(Double(early) / Double(times.count)))
  }

  @Test func theDayHasItsMiddleInTheAfternoon() throws {
    let times = try times("diurnal(0/h, 3600/h)", until: 86_400, clock: 0)
    #expect((42_000...44_400).contains(times.count))
    let night = times.count { (3 * 3600..<5 * 3600).contains($0) }
    let afternoon = times.count { (15 * 3600..<17 * 3600).contains($0) }
    #expect(afternoon > 50 * max(1, night))
  }

  @Test func curve() throws {
    // The simulation begins at 8.
    let times = try times("curve(8h 0/h, 9h 3600/h, 10h 0/h)", until: 3 * 3600, clock: 8 * 3600)
    #expect((3450...3750).contains(times.count))
    #expect(times.allSatisfy { $0 < 7200 })
  }

  @Test func files() throws {
    let directory = try TemporaryFiles()
    defer { directory.remove() }
    try directory.write("a.csv", "user,time\nann,0\nbob,1.5\n\ncarl,7\n")
    try directory.write("b.csv", "0\n1.5\n7\n")
    try directory.write("c.json", "[0, {\"time\": 1.5, \"user\": \"bob\"}, 7]")
    for name in ["a.csv", "b.csv", "c.json"] {
      #expect(try times("trace(\(directory.path)/\(name))", until: 10) == [0, 1.5, 7])
    }
    try directory.write("d.csv", "0\nx\n")
    try directory.write("e.csv", "3\n1\n")
    for (name, complaint) in [
      ("d.csv", "d.csv:2: \"x\" has no number"), ("e.csv", "ascend"), ("f.csv", "no such file"),
    ] {
      let error = #expect(throws: ValueError.self) { try ArrivalTrace.read("\(directory.path)/\(name)") }
      #expect(error?.description.contains(complaint) == true)
    }
  }

  @Test(arguments: [
    ("2s", 2.0), ("uniform(1s, 3s)", 2), ("exponential(2s)", 2), ("normal(2s, 100ms)", 2),
    ("lognormal(2s, 0.5)", 2 * exp(0.125)), ("pareto(1s, 2)", 2),
  ])
  func distributionsHaveTheirMean(text: String, mean: Double) throws {
    let distribution = try Distribution.parse(text, Quantity.seconds)
    var random = Randomness(seed: 5, .session, 1)
    let values = (0..<200_000).map { _ in distribution.sample(&random) }
    #expect(values.allSatisfy { $0 >= 0 })
    #expect(abs(values.reduce(0, +) / 200_000 - mean) < 0.03 * mean)
  }
}
