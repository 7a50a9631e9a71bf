// JSON that is passed on: cut at the right places, and never let through when a parser would refuse it.
import Testing

@testable import JSON

@Suite struct SlicingTests {
  private func text(_ slice: ArraySlice<UInt8>?) -> String? { slice.map { String(decoding: $0, as: UTF8.self) } }

  @Test func `members are cut out as they are written`() throws {
    let slices = try JSONSlices(of: Array(#" { "a" : [1, {"b":"}"}] ,"c":"x\"y","a":-1.5e3 , "d":{}, "e":[] } "#.utf8))
    #expect(slices.members.count == 5)
    #expect(text(slices["a"]) == "-1.5e3")
    #expect(text(slices["c"]) == #""x\"y""#)
    #expect(slices.string("c") == "x\"y")
    #expect(text(slices["d"]) == "{}" && text(slices["e"]) == "[]")
    #expect(slices["b"] == nil && slices.string("a") == nil)
  }

  @Test(arguments: [
    "", "{", "[]", "1", "{}x", "{}{}", "{,}", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{"a":[1,]}"#, #"{"a":[}"#,
    #"{"a":[}]}"#,
    #"{"a":{"b"}}"#, #"{"a":01}"#, #"{"a":1.}"#, #"{"a":-}"#, #"{"a":+1}"#, #"{"a":1e}"#, #"{"a":nul}"#, #"{"a":NaN}"#,
    #"{"a":"\x"}"#, #"{"a":"\u12"}"#, "{\"a\":\"\u{1}\"}", #"{"a":"b"#, "{a:1}", "{'a':1}", #"{"a":1 "b":2}"#,
  ])
  func `what is no object is refused`(text: String) {
    let error = #expect(throws: JSONError.self) { try JSONSlices(of: Array(text.utf8)) }
    #expect(error?.message.isEmpty == false)
  }

  @Test(
    arguments: [
      [0xFF], [0xC0, 0x80], [0xC3], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0x80],
    ] as [[UInt8]])
  func `bytes that are no UTF-8 are refused`(bytes: [UInt8]) {
    #expect(throws: JSONError.self) { try JSONSlices(of: Array("{\"a\":\"".utf8) + bytes + Array("\"}".utf8)) }
  }

  @Test func `nesting is bounded as the parser's is`() throws {
    func nested(_ levels: Int) -> [UInt8] {
      Array(
        (#"{"a":"# + String(repeating: "[", count: levels - 1) + String(repeating: "]", count: levels - 1) + "}").utf8)
    }
    _ = try JSONSlices(of: nested(JSON.deepest))
    _ = try JSON(parsing: nested(JSON.deepest))
    #expect(throws: JSONError.self) { try JSONSlices(of: nested(JSON.deepest + 1)) }
    #expect(throws: JSONError.self) { try JSON(parsing: nested(JSON.deepest + 1)) }
  }

  @Test func `20,000 damaged texts are judged as the parser judges them`() throws {
    let seed = UInt64.random(in: 0 ... .max)
    var random = Xorshift(seed)
    let samples = [
      #"{"header":{"msg_id":"a_1","msg_type":"x"},"content":{"code":"print('\u00e4 é')\n","n":[1,2.5e-3,-0,true,null]}}"#,
      #"{"a":[[],{},[{"b":"\\\"\/"}]],"c":"","d":false,"é":"𝄞"}"#,
    ].map { Array($0.utf8) }
    let alphabet = Array(#"{}[]:,"\u0123456789eE+-.truefalsn é"#.utf8) + [0, 0x1F, 0x80, 0xC3, 0xFF]
    var (accepted, refused) = (0, 0)
    for _ in 0..<20_000 {
      var text = samples[random.below(samples.count)]
      for _ in 0..<(1 + random.below(3)) {
        let at = random.below(text.count)
        switch random.below(3) {
        case 0: text[at] = alphabet[random.below(alphabet.count)]
        case 1: text.insert(alphabet[random.below(alphabet.count)], at: at)
        default: text.remove(at: at)
        }
      }
      let parsed = (try? JSON(parsing: text))?.object
      let slices = try? JSONSlices(of: text)
      // Half a surrogate pair is let through, which the parser refuses; and the parser refuses numbers without a value.
      if slices != nil, parsed == nil, text.contains(UInt8(ascii: "u")) || text.contains(UInt8(ascii: "e")) { continue }
      // The parser overlooks NUL between tokens.
      if slices == nil, parsed != nil, text.contains(0) { continue }
      #expect((slices == nil) == (parsed == nil), "seed \(seed): \(String(decoding: text, as: UTF8.self))")
      if let slices, let parsed {
        accepted += 1
        #expect(Set(slices.members.map { Array(text[$0.name]) }).count >= parsed.count)
        for member in slices.members { _ = try JSON(parsing: text[member.value]) }
      } else {
        refused += 1
      }
    }
    #expect(accepted > 500 && refused > 500)
  }
}

/// Random numbers that a seed repeats.
struct Xorshift {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed | 1 }

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }

  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
