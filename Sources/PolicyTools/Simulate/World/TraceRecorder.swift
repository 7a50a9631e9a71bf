// What a simulated host records: the rows that policies saw and the decisions, as a real host's decision store has them.
import FleetEngine

final class TraceRecorder {
  private var entries: [Trace.Entry] = []
  /// Where decisions belong that are still being made, by the number of their question.
  private var places: [Int: Int] = [:]
  private var rows: Set<String> = []
  private let wall: (Int64) -> Int64

  init(wall: @escaping (Int64) -> Int64) { self.wall = wall }

  func rows(_ changes: [KernelRowChange]) {
    for change in changes {
      switch change {
      case .put(let row): rows.insert(row.uuid)
      case .remove(let uuid): rows.remove(uuid)
      }
    }
    entries.append(.rows(changes))
  }

  /// A decision stands where it was asked for, whatever happens until it is carried out.
  func asked(_ number: Int) {
    places[number] = entries.count
    entries.append(.rows([]))
  }

  func decided(_ decision: Decision, _ now: Int64) {
    let entry = Trace.Entry.decision(decision, at: wall(now))
    if let place = places.removeValue(forKey: decision.id) { entries[place] = entry } else { entries.append(entry) }
  }

  func forgetRows() {
    places = [:]
    entries.append(.rows(rows.sorted().map(KernelRowChange.remove)))
    rows = []
  }

  var trace: Trace {
    Trace(entries: entries.filter { if case .rows(let changes) = $0 { !changes.isEmpty } else { true } })
  }
}
