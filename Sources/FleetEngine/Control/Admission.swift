// What an admission policy may do to the limits of a new kernel.

public enum Admission {
  /// Limits that a policy imposes may tighten what was asked for, and set what was not asked for; nothing is loosened.
  /// - Returns: the limits that hold, and in words what was not done.
  public static func impose(_ imposed: Limits, on asked: Limits) -> (limits: Limits, clamps: [String]) {
    var (limits, clamps) = (asked, [String]())
    func settle<Value: Comparable>(
      _ name: String, _ imposed: Value?, _ asked: Value?, _ allowed: ClosedRange<Value>,
      _ isTighter: (Value, Value) -> Bool
    ) -> Value? {
      guard let imposed else { return asked }
      guard allowed.contains(imposed) else {
        clamps.append("set \(name) to \(imposed), kept \(said(asked)): that is no limit")
        return asked
      }
      if let asked, isTighter(asked, imposed) {
        clamps.append(
          "set \(name) to \(imposed), kept \(asked): a policy may tighten what was asked for, not loosen it")
        return asked
      }
      return imposed
    }
    limits.memory = settle("memory", imposed.memory, asked.memory, 1...(.max), <)
    limits.cpu = settle("cpu", imposed.cpu, asked.cpu, Double.leastNormalMagnitude...1e6, <)
    limits.processes = settle("processes", imposed.processes, asked.processes, Limits.leastProcesses...(.max), <)
    limits.openFiles = settle("open_files", imposed.openFiles, asked.openFiles, Limits.leastOpenFiles...(.max), <)
    limits.fileSize = settle("file_size", imposed.fileSize, asked.fileSize, 1...(.max), <)
    limits.nice = settle("nice", imposed.nice, asked.nice, -20...19, >)
    return (limits, clamps)
  }

  private static func said<Value>(_ value: Value?) -> String { value.map { "\($0)" } ?? "none" }
}
