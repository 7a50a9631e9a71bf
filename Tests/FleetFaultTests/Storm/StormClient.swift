// A client of a storm: it spawns, executes, restarts and stops kernels of its own, and writes down what it was told.
import FleetClient
import Glibc
import JSON
import JupyterProtocol

struct StormClient: Sendable {
  let fleet: FaultFleet
  let ledger: Ledger
  let number: Int
  /// Kernels that it has at a time, at most.
  let most: Int

  func run(_ seed: UInt64) throws {
    var random = SeededRandom(seed: seed &+ UInt64(number) &* 0x2545_F491_4F6C_DD1D)
    let client = fleet.client()
    var mine: [String] = []
    // Spawned by a host that was killed before it answered: they may be there.
    var doubtful: [String] = []
    var last = 0
    while !ledger.isOver {
      switch random.below(8) {
      case 0...2 where mine.count + doubtful.count < most:
        last += 1
        let name = "c\(number)-\(last)"
        switch try spawn(name, client) {
        case .done: mine.append(name)
        case .unknown: doubtful.append(name)
        case .refused: break
        }
      case 3:
        guard let name = (mine + doubtful).randomElement(using: &random) else { continue }
        if try stop(name, client) == .done {
          mine.removeAll { $0 == name }
          doubtful.removeAll { $0 == name }
        }
      case 4 where random.one(in: 3):
        guard let name = mine.randomElement(using: &random) else { continue }
        try restart(name, client)
      default:
        guard let name = mine.randomElement(using: &random) else { continue }
        try execute(name, value: random.below(1_000_000))
      }
    }
  }

  /// `unknown`: the host did not answer, mostly because it was killed.
  private enum Outcome { case done, refused, unknown }

  /// What the host says no to, or does not say, is counted; nonsense is an error.
  private func ask(
    _ what: String, of name: String, unasked: () -> Void = {}, _ body: () throws -> Void
  ) throws -> Outcome {
    do {
      try body()
      ledger.change(name) { $0.answers.append("\(what): done") }
      return .done
    } catch let error as FleetClientError {
      ledger.change(name) { entry in
        entry.answers.append("\(what): \(error.code ?? "nothing")")
        if what == "stop", error.code == "storage" { entry.isUnwritten = true }
      }
      let outcome: Outcome
      switch error {
      case .refused(_, let code, let message):
        if code == "internal" { throw Problem("the host calls it its own fault: \(message)") }
        ledger.count {
          $0.refused += 1
          $0.refusals[code, default: 0] += 1
          $0.messages[code] = message
        }
        outcome = .refused
      case .malformedReply(let what): throw Problem("the host answers nonsense: \(what)")
      case .hostUnreachable:
        unasked()
        outcome = .refused
      case .connectionLost, .timedOut:
        ledger.count { $0.unanswered += 1 }
        outcome = .unknown
      }
      usleep(20_000)
      return outcome
    }
  }

  private func spawn(_ name: String, _ client: FleetClient) throws -> Outcome {
    ledger.change(name) { _ in }
    return try ask("spawn", of: name) {
      let row = KernelRow(try client.spawn(["language": "lua", "name": .string(name)])["kernel"] ?? .null)
      ledger.change(name) { ($0.id, $0.pid, $0.isAcknowledged) = (row.id, row.pid, true) }
      ledger.count { $0.spawned += 1 }
    }
  }

  private func stop(_ name: String, _ client: FleetClient) throws -> Outcome {
    let isFirst = ledger.entry(name)?.stopAsked == false
    ledger.change(name) { $0.stopAsked = true }
    // What reached no host was not asked.
    return try ask("stop", of: name, unasked: { if isFirst { ledger.change(name) { $0.stopAsked = false } } }) {
      do { _ = try client.stop(name, timeout: .seconds(2)) } catch let error as FleetClientError
        where error.code == "kernel_not_found"
      {
        // An earlier try, of which nothing was heard, succeeded.
      }
      ledger.change(name) { $0.isStopped = !$0.isUnwritten }
      ledger.count { $0.stopped += 1 }
    }
  }

  private func restart(_ name: String, _ client: FleetClient) throws {
    guard ledger.entry(name)?.stopAsked == false else { return }
    let isFirst = ledger.entry(name)?.restartAsked == false
    ledger.change(name) { $0.restartAsked = true }
    _ = try ask("restart", of: name, unasked: { if isFirst { ledger.change(name) { $0.restartAsked = false } } }) {
      _ = try client.restart(name)
      ledger.count { $0.restarted += 1 }
    }
  }

  /// Past the host: by the connection file. A kernel that was killed or stopped by a signal does not answer.
  private func execute(_ name: String, value: Int) throws {
    guard let entry = ledger.entry(name), entry.isAcknowledged, !entry.stopAsked else { return }
    let file = "\(fleet.home)/\(entry.id).json"
    guard let answer = try? fleet.execute("n = \(value) return n", connectionFile: file, within: .seconds(3)) else {
      ledger.count { $0.unanswered += 1 }
      return
    }
    guard answer == "\(value)" else { throw Problem("\(name) answered '\(answer)' and not \(value)") }
    ledger.change(name) { $0.value = value }
    ledger.count { $0.executed += 1 }
  }
}
