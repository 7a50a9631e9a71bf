// The difference of two texts, line by line.

enum TextDiff {
  enum Line: Equatable {
    case same(String)
    case expected(String)
    case actual(String)
  }

  /// A shortest difference (longest common subsequence). Long texts are compared from both ends only.
  static func lines(expected: String, actual: String) -> [Line] {
    var old = expected.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    var new = actual.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    var before: [Line] = []
    while let first = old.first, first == new.first {
      before.append(.same(first))
      old.removeFirst()
      new.removeFirst()
    }
    var after: [Line] = []
    while let last = old.last, last == new.last {
      after.append(.same(last))
      old.removeLast()
      new.removeLast()
    }
    return before + middle(old, new) + after.reversed()
  }

  private static func middle(_ old: [String], _ new: [String]) -> [Line] {
    guard old.count * new.count <= 250_000 else { return old.map(Line.expected) + new.map(Line.actual) }
    // lengths[i][j]: of the longest common subsequence of old[i...] and new[j...].
    var lengths = Array(repeating: Array(repeating: 0, count: new.count + 1), count: old.count + 1)
    for i in old.indices.reversed() {
      for j in new.indices.reversed() {
        lengths[i][j] = old[i] == new[j] ? lengths[i + 1][j + 1] + 1 : max(lengths[i + 1][j], lengths[i][j + 1])
      }
    }
    var (i, j, result) = (0, 0, [Line]())
    while i < old.count || j < new.count {
      if i < old.count, j < new.count, old[i] == new[j] {
        result.append(.same(old[i]))
        i += 1
        j += 1
      } else if i < old.count, j == new.count || lengths[i + 1][j] >= lengths[i][j + 1] {
        result.append(.expected(old[i]))
        i += 1
      } else {
        result.append(.actual(new[j]))
        j += 1
      }
    }
    return result
  }
}
