// One fault at a time, at every call that a host makes on its files, and then the next host.
import FleetClient
import Foundation
import Glibc
import JSON

final class CrashSweep {
  private let fleet: FaultFleet
  /// A kernel that has nothing to do with any of it, and remembers something.
  private let witness: KernelRow
  private var rounds = 0
  private(set) var tally = Tally()

  struct Tally: Sendable {
    var faults = 0
    var acknowledged = 0
    var refused = 0
    var unanswered = 0
    var calls: [String: Int] = [:]
  }

  init(_ fleet: FaultFleet) throws {
    self.fleet = fleet
    try fleet.up()
    witness = try fleet.spawn("witness")
    _ = try fleet.execute("x = 42", connectionFile: witness.connectionFile)
  }

  /// How many calls the operation makes until nothing more happens.
  func count(_ operation: Operation, kinds: CallKinds) throws -> Int {
    let cast = try fleet.prepare(operation, nextName())
    fleet.page.arm(nil, at: 0, kinds: kinds)
    guard try fleet.perform(operation, cast).isDone else { throw Problem("\(operation) fails without a fault") }
    _ = quiet()
    let count = fleet.page.count
    try clearUp()
    return count
  }

  /// The operation with a fault at its n-th call, and the host that comes after it.
  func round(_ operation: Operation, _ fault: Fault, at number: Int, kinds: CallKinds) throws {
    do {
      try attempt(operation, fault, number, kinds)
    } catch {
      throw Problem("\(operation), call \(number) (\(fleet.page.call)) \(fault): \(error)")
    }
  }

  private func attempt(_ operation: Operation, _ fault: Fault, _ number: Int, _ kinds: CallKinds) throws {
    let cast = try fleet.prepare(operation, nextName())
    fleet.page.arm(fault, at: number, kinds: kinds)
    let told = try fleet.perform(operation, cast)
    let end = quiet(until: number)
    let call = fleet.page.call
    count(told, call)
    if let end, !end.isKilled, operation != .adopt || end.isCrash { throw Problem("the host did not survive: \(end)") }
    // Whatever it could not write is lost with it.
    try fleet.killHost()
    fleet.page.disarm()
    try fleet.up()
    try fleet.settle()
    if let problem = try fleet.verdict(operation, cast, told, isDeadly: fault.isDeadly) { throw Problem(problem) }
    try checkWitness()
    try clearUp()
  }

  private func nextName() -> String {
    rounds += 1
    return "k\(rounds)"
  }

  private func count(_ told: Told, _ call: String) {
    if call.isEmpty { return }
    tally.faults += 1
    tally.calls[String(call.prefix { $0 != " " }), default: 0] += 1
    switch told {
    case .done: tally.acknowledged += 1
    case .refused: tally.refused += 1
    case .nothing: tally.unanswered += 1
    }
  }

  /// Until the fault has come, or what the host does in the background is done: nothing is written for 400 ms.
  private func quiet(until number: Int = .max) -> HostEnd? {
    var last = fleet.page.count
    var since = ContinuousClock.now
    while ContinuousClock.now - since < .milliseconds(400) {
      if let end = fleet.hasEnded() { return end }
      let now = fleet.page.count
      if now >= number, !fleet.page.call.isEmpty, fleet.page.hits > 0 { return nil }
      if now != last { (last, since) = (now, .now) }
      usleep(2000)
    }
    return fleet.hasEnded()
  }

  private func checkWitness() throws {
    guard let row = try fleet.rows().first(where: { $0.id == witness.id }), row.pid == witness.pid else {
      throw Problem("the kernel that nobody touched is lost or another")
    }
    let x = try fleet.execute("return x", connectionFile: row.connectionFile)
    if x != "42" { throw Problem("the kernel that nobody touched has forgotten x: '\(x)'") }
  }

  /// Leaves the witness alone, with a directory in which nothing is left of the others.
  private func clearUp() throws {
    let client = fleet.client()
    for row in try fleet.rows() where row.id != witness.id { _ = try client.stop(row.id, force: true) }
    _ = try client.cleanup()
    try wait(for: "the files of stopped kernels to go") {
      let stray = try fleet.strayFiles()
      return stray.isEmpty ? nil : "\(stray)"
    }
    let damaged = try FileManager.default.contentsOfDirectory(atPath: fleet.home).filter { $0.contains("damaged") }
    if !damaged.isEmpty { throw Problem("a host called a registry damaged: \(damaged)") }
  }
}

extension FaultFleet {
  /// Waits until rows and processes agree and nothing is under way.
  func settle(within limit: Duration = .seconds(40)) throws {
    try wait(for: "rows and processes to agree", within: limit) { try disagreement() }
  }
}
