// "Did you mean": the known word that a mistyped one is nearest to.

/// The candidate that differs least from a word, if it is likely meant: at most two letters too many, missing, wrong or
/// exchanged, and not most of the word.
func suggestion(for word: String, among candidates: [String]) -> String? {
  let nearest = candidates.map { ($0, editDistance(word, $0)) }.min { $0.1 < $1.1 }
  guard let (candidate, distance) = nearest, distance <= 2, 2 * distance < max(word.count, 3) else { return nil }
  return candidate
}

/// Letters to insert, delete, replace or exchange with their neighbour (optimal string alignment).
private func editDistance(_ a: String, _ b: String) -> Int {
  let a = Array(a.utf8), b = Array(b.utf8)
  guard abs(a.count - b.count) <= 2 else { return abs(a.count - b.count) }
  var older = [Int](), before = Array(0...b.count)
  for i in 0..<a.count {
    var row = [i + 1]
    for j in 0..<b.count {
      var least = min(row[j] + 1, before[j + 1] + 1, before[j] + (a[i] == b[j] ? 0 : 1))
      if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { least = min(least, older[j - 1] + 1) }
      row.append(least)
    }
    older = before
    before = row
  }
  return before[b.count]
}
