import LuaRuntime
import Testing

@testable import PolicyTools

/// What liblua says of a text: nil if it takes it.
private func liblua(_ text: [UInt8], _ state: LuaState) -> String? {
  do {
    _ = try state.load(text, name: "s.lua")
    return nil
  } catch { return error.message }
}

private func refusal(_ text: [UInt8]) -> String? {
  do {
    _ = try LuaChunk(text, name: "s.lua")
    return nil
  } catch { return error.description }
}

@Test func everyLuaFileOfTheRepositoryIsRead() throws {
  let files = LuaSamples.files()
  #expect(files.contains { $0.name == "least_loaded.lua" })
  for file in files {
    #expect(throws: Never.self, "\(file.path)") { try LuaChunk(file) }
  }
}

@Test func everyPartOfTheGrammarIsReadAsLibluaReadsIt() throws {
  let state = try LuaState(.kernel)
  for text in LuaSamples.valid {
    #expect(liblua(Array(text.utf8), state) == nil, "\(text)")
    #expect(refusal(Array(text.utf8)) == nil, "\(text)")
  }
}

@Test func errorsSayWhereAndWhat() throws {
  let state = try LuaState(.kernel)
  for (text, message) in LuaSamples.invalid {
    #expect(liblua(Array(text.utf8), state) != nil, "\(text)")
    #expect(refusal(Array(text.utf8)) == message)
  }
}

/// Sources with a few tokens or bytes deleted, doubled, exchanged or replaced.
private struct Mutator {
  var random: SeededRandom
  let corpus: [[UInt8]]
  private static let words =
    (LuaKeyword.allCases.map(\.rawValue) + LuaSymbol.allCases.map(\.rawValue)
    + ["x", "a", "1", "0x", "1e", "'s'", "[[l]]", "\"", "--", "--[[", "]]", "\n", "<const>", "<close>", "::a::", "\\"])
    .map { Array($0.utf8) }

  mutating func next() -> [UInt8] {
    var pieces = Self.pieces(corpus.randomElement(using: &random) ?? [])
    for _ in 0..<Int.random(in: 1...3, using: &random) where !pieces.isEmpty {
      let index = pieces.indices.randomElement(using: &random) ?? 0
      switch Int.random(in: 0..<6, using: &random) {
      case 0: pieces.remove(at: index)
      case 1: pieces.insert(pieces[index], at: index)
      case 2: pieces.swapAt(index, pieces.indices.randomElement(using: &random) ?? index)
      case 3: pieces[index] = Self.words.randomElement(using: &random) ?? []
      case 4: pieces.insert(Self.words.randomElement(using: &random) ?? [], at: index)
      default:
        pieces[index] = pieces[index].map {
          Bool.random(using: &random) ? $0 : $0 ^ 1 << UInt8.random(in: 0..<7, using: &random)
        }
      }
    }
    return Array(pieces.joined())
  }

  /// Words, runs of blanks and single marks.
  private static func pieces(_ text: [UInt8]) -> [[UInt8]] {
    var pieces: [[UInt8]] = []
    var last = -1
    for byte in text {
      let kind = LuaLexer.isLetter(byte) || LuaLexer.isDigit(byte) ? 0 : byte <= 0x20 ? 1 : 2
      if kind == last, kind < 2 { pieces[pieces.count - 1].append(byte) } else { pieces.append([byte]) }
      last = kind
    }
    return pieces
  }
}

@Test(arguments: [1, 2, 3, 4] as [UInt64])
func mutatedSourcesAreAcceptedOrRefusedAsLibluaDoes(seed: UInt64) throws {
  let state = try LuaState(.kernel)
  let corpus = (LuaSamples.valid + LuaSamples.files().map(\.text)).map { Array($0.utf8) }
  var mutator = Mutator(random: SeededRandom(seed), corpus: corpus)
  var accepted = 0
  for _ in 0..<5_000 {
    let text = mutator.next()
    let theirs = liblua(text, state)
    let ours = refusal(text)
    if theirs == nil { accepted += 1 }
    #expect(
      (theirs == nil) == (ours == nil), "\(String(decoding: text, as: UTF8.self)): \(theirs ?? "") | \(ours ?? "")")
  }
  // Both sides of the comparison were exercised.
  #expect(accepted > 500 && accepted < 4_500)
}

@Test func lineOfErrorsIsLibluas() throws {
  let state = try LuaState(.kernel)
  let corpus = LuaSamples.files().map { Array($0.text.utf8) }
  var mutator = Mutator(random: SeededRandom(9), corpus: corpus)
  var same = 0, all = 0
  for _ in 0..<2_000 {
    let text = mutator.next()
    guard let theirs = liblua(text, state), let ours = refusal(text) else { continue }
    all += 1
    if theirs.split(separator: ":")[1] == ours.split(separator: ":")[1] { same += 1 }
  }
  // Ours names where a string, a jump or a label begins, which Lua notices later.
  #expect(all > 200 && Double(same) > 0.9 * Double(all))
}

@Test func whatIsTooDeepOrTooLongIsRefusedAndDoesNotOverflowTheStack() {
  for text in [
    String(repeating: "(", count: 100_000), String(repeating: "do ", count: 100_000),
    "return " + String(repeating: "{", count: 100_000), "return " + String(repeating: "not ", count: 100_000),
    "return " + String(repeating: "x^", count: 100_000),
    String(repeating: "if x then ", count: 100_000),
    "x = function() " + String(repeating: "return function() ", count: 10_000),
  ] { #expect(refusal(Array(text.utf8))?.hasSuffix("this is nested too deeply") == true) }
  for text in [
    "return x" + String(repeating: ".x", count: 100_000), "return 1" + String(repeating: "+1", count: 100_000),
  ] {
    #expect(refusal(Array(text.utf8))?.hasSuffix("give parts of it names") == true)
  }
}

@Test func treesHoldPositionsAndUses() throws {
  let chunk = try LuaChunk("local a = 1\nlocal b = a.x.y + f(a)\nb = 2\n", name: "s.lua")
  #expect(chunk.variables.map(\.name) == ["a", "b"])
  #expect(chunk.variables.map(\.reads) == [2, 0])
  #expect(chunk.variables.map(\.writes) == [0, 1])
  guard case .local([1], let values) = chunk.body.statements[1].kind,
    case .binary(.plus, let left, let right) = values[0].kind
  else { Issue.record("unexpected tree"); return }
  #expect(chunk.text(of: left) == "a.x.y")
  #expect(chunk.text(of: right) == "f(a)")
  #expect(chunk.source.place(right.range.lowerBound) == "s.lua:2:19")
}
