// What all benchmarks have in common.

protocol Benchmark {
  /// What it is chosen by on the command line.
  static var name: String { get }
  /// What is compared with what.
  static var summary: String { get }

  static func run(_ setting: Setting, _ report: inout Report) throws
}

/// What is measured, and how long.
struct Setting {
  var executables: Executables
  /// Scales the number of rounds.
  var effort: Double

  func rounds(_ usual: Int) -> Int { max(3, Int((Double(usual) * effort).rounded())) }
}
