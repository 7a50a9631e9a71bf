// Messages: round trips, what is refused, and a seeded storm of damaged frames.
import Glibc
import JSON
import Testing

@testable import JupyterProtocol

@Suite struct MessageTests {
  private let session = MessageSession(key: "a-key", refusingReplays: true)

  private func request(_ session: MessageSession) -> Frames {
    session.frames(
      session.header("execute_request"), identities: [[1, 2]], parent: session.header("parent"),
      content: Array(#"{"code":"x"}"#.utf8), buffers: [[7], []])
  }

  @Test func roundTrip() throws {
    let frames = request(session)
    let message = try session.parse(frames)
    #expect(message.identities == [[1, 2]])
    #expect(message.type == "execute_request")
    #expect(message.header.session == session.id)
    #expect(message.header.version == "5.5")
    #expect(message.parent?.type == "parent")
    #expect(message.content == ["code": "x"])
    #expect(message.metadata == [:])
    #expect(message.buffers == [[7], []])
  }

  @Test func idsAreUnique() {
    #expect(session.header("a").id != session.header("a").id)
    #expect(UniqueID.uuid() != UniqueID.uuid())
    let uuid = UniqueID.uuid()
    #expect(uuid.split(separator: "-").map(\.count) == [8, 4, 4, 4, 12])
    #expect(uuid.utf8.count == 36)
    #expect(Array(uuid)[14] == "4")
    #expect("89ab".contains(Array(uuid)[19]))
  }

  @Test func datesAreISO8601WithMicroseconds() {
    #expect(Timestamp.text(seconds: 0, microseconds: 5) == "1970-01-01T00:00:00.000005Z")
    #expect(Timestamp.text(seconds: 1_709_164_799, microseconds: 999_999) == "2024-02-28T23:59:59.999999Z")
    #expect(Timestamp.text(seconds: 951_782_400, microseconds: 0) == "2000-02-29T00:00:00.000000Z")
    #expect(Timestamp.text(seconds: 4_102_444_800, microseconds: 0) == "2100-01-01T00:00:00.000000Z")
    for day in stride(from: 0, to: 60_000, by: 7) {
      var clock = time_t(day * 86_400)
      var parts = tm()
      gmtime_r(&clock, &parts)
      var text = [CChar](repeating: 0, count: 20)
      strftime(&text, text.count, "%Y-%m-%d", &parts)
      let expected = String(decoding: text.prefix(10).map { UInt8(bitPattern: $0) }, as: UTF8.self)
      #expect(Timestamp.text(seconds: Int64(clock), microseconds: 0).hasPrefix(expected))
    }
    #expect(Timestamp.now().count == 27)
  }

  @Test func refusals() throws {
    let frames = request(session)
    #expect(throws: MessageError.noDelimiter) { try session.parse([]) }
    #expect(throws: MessageError.noDelimiter) { try session.parse([[1], [2]]) }
    #expect(throws: MessageError.truncated(parts: 3)) { try session.parse(Array(frames[..<5])) }
    #expect(throws: MessageError.badSignature) { try MessageSession(key: "other").parse(frames) }
    var unsigned = frames
    unsigned[2] = []
    #expect(throws: MessageError.badSignature) { try session.parse(unsigned) }
    _ = try session.parse(frames)
    #expect(throws: MessageError.replayed) { try session.parse(frames) }
  }

  @Test func refusesPartsThatAreNoObjects() {
    func signed(_ header: String, _ content: String) -> Frames {
      let parts = [header, "{}", "{}", content].map { Array($0.utf8) }
      return [JupyterMessage.delimiter, session.signer.signature(of: parts)] + parts
    }
    let header = #"{"msg_id":"1","msg_type":"t"}"#
    #expect(throws: MessageError.notObject(part: "content")) { try session.parse(signed(header, "[1]")) }
    #expect(throws: MessageError.missing(field: "msg_type", part: "header")) {
      try session.parse(signed(#"{"msg_id":"1"}"#, "{}"))
    }
    let error = #expect(throws: MessageError.self) { try session.parse(signed(header, "{")) }
    #expect(error?.description.hasPrefix("content of a message: invalid JSON at line 1") == true)
  }

  @Test func unsignedMessagesPassWithoutAKey() throws {
    let open = MessageSession(key: "")
    let frames = request(open)
    _ = try open.parse(frames)
    _ = try open.parse(frames)
  }

  @Test func damagedFramesAreRefusedAsValues() {
    var random = Seeded(seed: 0x5EED)
    var accepted = 0
    for _ in 0..<3000 {
      var frames = request(session)
      for _ in 0..<Int.random(in: 1...3, using: &random) { damage(&frames, &random) }
      if (try? session.parse(frames)) != nil { accepted += 1 }
      // The same without signatures reaches the JSON behind them.
      _ = try? MessageSession(key: "").parse(frames)
    }
    // Damage to identities or buffers is not covered by the signature.
    #expect(accepted < 1500)
  }

  private func damage(_ frames: inout Frames, _ random: inout Seeded) {
    guard !frames.isEmpty else { return }
    let index = Int.random(in: 0..<frames.count, using: &random)
    switch Int.random(in: 0..<6, using: &random) {
    case 0: frames.remove(at: index)
    case 1: frames.insert((0..<40).map { _ in .random(in: .min ... .max, using: &random) }, at: index)
    case 2: frames[index] = Array(frames[index].dropLast(Int.random(in: 0...8, using: &random)))
    case 3: frames.swapAt(index, Int.random(in: 0..<frames.count, using: &random))
    case 4: frames[index] = Array(repeating: UInt8(ascii: "["), count: 5000)
    default:
      if !frames[index].isEmpty {
        frames[index][Int.random(in: 0..<frames[index].count, using: &random)] = .random(
          in: .min ... .max, using: &random)
      }
    }
  }
}

/// SplitMix64: the same numbers for the same seed.
struct Seeded: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}
