// "Did you mean": the known name that a mistyped one was most likely meant to be.

public enum NearestName {
  /// The name with the fewest typing mistakes between it and `word`, if they are few enough to be a mistake.
  public static func of(_ word: String, among names: some Sequence<String>) -> String? {
    let word = Array(word.lowercased().unicodeScalars)
    let limit = max(1, word.count / 3)
    var best: (name: String, distance: Int)?
    for name in names {
      let distance = distance(word, Array(name.lowercased().unicodeScalars))
      if distance <= limit, distance < best?.distance ?? .max { best = (name, distance) }
    }
    return best?.name
  }

  /// `; did you mean "x"?`, or `; known WHAT: a, b, c` when nothing is near; nothing at all when there is nothing known.
  public static func hint(for word: String, among names: [String], what: String) -> String {
    if let name = of(word, among: names) { return "; did you mean \"\(name)\"?" }
    return names.isEmpty ? "" : "; \(what): \(names.joined(separator: ", "))"
  }

  /// Insertions, deletions, substitutions and swaps of neighbours that lead from one word to the other.
  private static func distance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int {
    guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
    var beforeLast = [Int](repeating: 0, count: b.count + 1)
    var last = Array(0...b.count)
    for i in 1...a.count {
      var row = [i] + [Int](repeating: 0, count: b.count)
      for j in 1...b.count {
        row[j] = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
        if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { row[j] = min(row[j], beforeLast[j - 2] + 1) }
      }
      (beforeLast, last) = (last, row)
    }
    return last[b.count]
  }
}
