// A stretch of a longer trace.
import FleetEngine

extension Trace {
  /// What was recorded within the window, with the rows as they were when it began. The memory that the policies had by
  /// then is not in it.
  /// - Parameter window: milliseconds since 1970.
  public func within(_ window: Range<Int64>) -> Trace {
    var rows: [String: KernelRow] = Dictionary(self.rows.map { ($0.uuid, $0) }) { _, last in last }
    var result = Trace()
    var hasBegun = false
    for entry in entries {
      switch entry {
      case .decision(_, let time) where time >= window.upperBound:
        return hasBegun ? result : Trace(rows: Self.sorted(rows))
      case .decision(_, let time):
        guard time >= window.lowerBound else { continue }
        if !hasBegun {
          hasBegun = true
          result.rows = Self.sorted(rows)
        }
        result.entries.append(entry)
      case .rows(let changes):
        if hasBegun { result.entries.append(entry) }
        for change in changes {
          switch change {
          case .put(let row): rows[row.uuid] = row
          case .remove(let uuid): rows[uuid] = nil
          }
        }
      }
    }
    if !hasBegun { result.rows = Self.sorted(rows) }
    return result
  }

  private static func sorted(_ rows: [String: KernelRow]) -> [KernelRow] {
    rows.values.sorted { ($0.serial, $0.uuid) < ($1.serial, $1.uuid) }
  }

  /// How many decisions are in it.
  public var decisions: Int { entries.count { if case .decision = $0 { true } else { false } } }
}
