// Recorded questions asked again: what would another policy have answered?
import FleetConfiguration
import FleetEngine
import PolicyHost

/// Asks every decision of a trace again, with the rows, the time and the seed that it had. The policies' memory begins
/// empty and runs forward.
public enum Replay {
  /// - Parameters:
  ///   - paths: the files to ask, in this order; each is asked at the entry points that it has functions for.
  ///   - window: wall times in milliseconds since 1970. What comes earlier is asked, for the sake of the policies'
  ///     memory, and not counted.
  ///   - examples: how many differences of each entry point are kept.
  /// - Throws: `PolicyError` if a file is no policy.
  public static func run(
    _ trace: Trace, against paths: [String], window: Range<Int64> = .min..<(.max), examples: Int = 5,
    log: @escaping @Sendable (String) -> Void = { _ in }
  ) throws(PolicyError) -> ReplayReport {
    let panel = try PolicyPanel(files: paths, log: log)
    var names = KernelNames(trace.rows)
    let governed = trace.governed
    var report = ReplayReport(policies: paths.map(FilePath.name))
    panel.apply(trace.rows.map(KernelRowChange.put))
    for entry in trace.entries {
      switch entry {
      case .rows(let changes):
        panel.apply(changes)
        names.apply(changes)
      case .decision(let decision, let time):
        guard time < window.upperBound else { return report }
        let point = decision.question.entry
        // What the host decided between two questions the policies were not asked, and must not remember.
        guard panel.entries.contains(point), decision.policy.isFromPolicies || !governed.contains(point) else {
          if window.contains(time) { report.passOver(point) }
          continue
        }
        let answer = panel.ask(decision.question)
        guard window.contains(time) else { continue }
        report.add(decision, time, answer, names, limit: examples)
      }
    }
    return report
  }
}

extension PolicyAnswer {
  /// A policy was asked, whatever came of it.
  fileprivate var isFromPolicies: Bool { policy != nil || reason != nil || failure != nil }
}

extension Trace {
  /// The entry points at which a policy was ever asked.
  fileprivate var governed: Set<EntryPoint> {
    var points: Set<EntryPoint> = []
    for case .decision(let decision, _) in entries where decision.policy.isFromPolicies {
      points.insert(decision.question.entry)
    }
    return points
  }
}

/// The kernels by all that policies may call them.
struct KernelNames {
  private var uuids: [String: String] = [:]
  private var rows: [String: KernelRow] = [:]

  init(_ rows: [KernelRow]) { apply(rows.map(KernelRowChange.put)) }

  mutating func apply(_ changes: [KernelRowChange]) {
    for change in changes {
      switch change {
      case .put(let row):
        rows[row.uuid] = row
        for name in [row.id, row.name].compactMap({ $0 }) { uuids[name] = row.uuid }
      case .remove(let uuid):
        guard let row = rows.removeValue(forKey: uuid) else { continue }
        for name in [row.id, row.name].compactMap({ $0 }) where uuids[name] == uuid { uuids[name] = nil }
      }
    }
  }

  func uuid(_ name: String) -> String { uuids[name] ?? name }

  /// As people call it.
  func title(_ name: String) -> String {
    guard let row = rows[uuid(name)] else { return name }
    return row.name ?? row.id
  }

  /// The same answer whatever names it uses, and whatever it says of the reasons.
  func plain(_ answer: Answer?) -> Answer? {
    switch answer {
    case .route(.use(let name)): .route(.use(uuid(name)))
    case .route(.reject): .route(.reject(""))
    case .admit(.reject): .admit(.reject(""))
    case .restart(.giveUp): .restart(.giveUp(""))
    case .scale(var scale):
      {
        scale.retire = scale.retire.map(uuid)
        return .scale(scale)
      }()
    case .alert(let conditions):
      .alert(
        conditions.map { condition in
          var condition = condition
          condition.kernel = condition.kernel.map(uuid)
          condition.summary = ""
          return condition
        }.sorted { ($0.name, $0.kernel ?? "") < ($1.name, $1.kernel ?? "") })
    default: answer
    }
  }
}
