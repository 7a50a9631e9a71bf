// Both framings of WebSockets: against jupyter_server's own functions, and against bytes that nobody meant.
import Foundation
import JSON
import JupyterProtocol
import NIOCore
import Testing

@testable import FleetServer

@Suite struct FramingTests {
  @Test func `3,000 messages are framed and read as jupyter_server does it`() throws {
    let seed = UInt64.random(in: 0 ... .max)
    var random = Xorshift(seed)
    let directory = NSTemporaryDirectory() + "fleet-framing-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let messages = try (0..<3000).map { _ in try random.message() }
    let cases = messages.map { message -> String in
      let parts = [message.header, message.parent, message.metadata, message.content] + message.buffers
      let legacy = Self.payload(LegacyFraming.encode(message))
      let json: JSON = [
        "channel": .string(message.channel.rawValue), "parts": .array(parts.map { .string(Self.hexadecimal($0)) }),
        "v1": .string(Self.hexadecimal(Self.payload(V1Framing.encode(message)))),
        "legacy": .string(Self.hexadecimal(legacy)), "legacy_is_text": .bool(message.buffers.isEmpty),
      ]
      return json.text() + "\n"
    }
    try cases.joined().write(toFile: directory + "/in", atomically: true, encoding: .utf8)
    try Self.python("framing.py", [directory + "/in", directory + "/out"])
    let answers = try String(contentsOfFile: directory + "/out", encoding: .utf8).split(separator: "\n")
    #expect(answers.count == messages.count)
    for (message, answer) in zip(messages, answers) {
      let theirs = try JSON(parsing: String(answer))
      let v1 = try WebSocketFraming.v1.decode(Self.bytes(theirs["v1"]?.string ?? ""), isText: false)
      #expect(Self.isSame(v1, message), "seed \(seed)")
      let data = Self.bytes(theirs["legacy"]?.string ?? "")
      let legacy = try WebSocketFraming.legacy.decode(data, isText: message.buffers.isEmpty)
      #expect(legacy.fields == message.fields && legacy.buffers == message.buffers, "seed \(seed)")
      #expect(try JSON(parsing: legacy.content) == JSON(parsing: message.content), "seed \(seed)")
      #expect(try JSON(parsing: legacy.parent) == JSON(parsing: message.parent), "seed \(seed)")
    }
  }

  @Test func `50,000 damaged messages are refused or read, and nothing else`() throws {
    let seed = UInt64.random(in: 0 ... .max)
    var random = Xorshift(seed)
    let messages = try (0..<20).map { _ in try random.message() }
    var refused = 0
    for number in 0..<50_000 {
      let message = messages[number % messages.count]
      let isV1 = number % 2 == 0
      var data = Self.payload(isV1 ? V1Framing.encode(message) : LegacyFraming.encode(message))
      for _ in 0..<(1 + random.below(3)) {
        switch random.below(3) {
        case 0: data[random.below(data.count)] = UInt8(random.below(256))
        case 1: data.removeLast(random.below(data.count))
        default: data.insert(UInt8(random.below(256)), at: random.below(data.count))
        }
        if data.isEmpty { data = [0] }
      }
      do throws(WebSocketViolation) {
        let isText = !isV1 && message.buffers.isEmpty
        let read = try (isV1 ? WebSocketFraming.v1 : .legacy).decode(data, isText: isText)
        // What got through can be passed on: its JSON is JSON.
        #expect(read.hasValidBody && read.size <= data.count, "seed \(seed)")
      } catch {
        refused += 1
        #expect(error.code == .invalidData && !error.reason.isEmpty)
      }
    }
    #expect(refused > 10_000)
  }

  @Test func `what is missing in the legacy form is taken as Jupyter Server takes it`() throws {
    let text = #"{"header":{"msg_id":"a","msg_type":"comm_msg"},"parent_header":null,"content":{"x":1}}"#
    let message = try WebSocketFraming.legacy.decode(Array(text.utf8), isText: true)
    #expect(message.channel == .shell && message.metadata == Array("{}".utf8) && message.parentFields == nil)
    #expect(message.content == Array(#"{"x":1}"#.utf8))
  }

  /// A part is a frame, and an id is remembered: both bounded, or one client would hold up or fill the host.
  @Test func `messages of too many parts or with endless ids are refused`() throws {
    for (size, isV1) in [(4, false), (8, true)] {
      let count = 5000
      var data: [UInt8] = []
      func add(_ word: Int) {
        let bytes = (0..<size).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
        data += isV1 ? bytes : bytes.reversed()
      }
      add(count)
      for _ in 0..<count { add(size * (count + 1)) }
      let framing: WebSocketFraming = isV1 ? .v1 : .legacy
      let error = #expect(throws: WebSocketViolation.self) { try framing.decode(data, isText: false) }
      #expect(error?.code == .tooLarge)
    }
    let long = String(repeating: "x", count: 513)
    for field in ["msg_id", "session", "username"] {
      var header: JSON = ["msg_id": "a", "msg_type": "comm_msg"]
      header[field] = .string(long)
      let text = (["header": header, "content": [:]] as JSON).encoded()
      let error = #expect(throws: WebSocketViolation.self) { try WebSocketFraming.legacy.decode(text, isText: true) }
      #expect(error?.reason == "\(field) of a message has more than 512 bytes")
    }
  }

  @Test func `what a kernel says that is no JSON is shown to no client of the legacy form`() throws {
    var message = RawMessage(MessageSession(key: "").header("stream"), channel: .iopub, content: [:])
    message.content = Array(#"{"text":""#.utf8) + [0xFF] + Array(#""}"#.utf8)
    #expect(WebSocketFraming.legacy.encode(message) == nil)
    #expect(WebSocketFraming.v1.encode(message) != nil)
  }

  // MARK: Bytes

  /// Without the frame's header.
  private static func payload(_ frame: ByteBuffer?) -> [UInt8] {
    var frame = frame ?? ByteBuffer()
    let second = frame.getInteger(at: 1, as: UInt8.self) ?? 0
    frame.moveReaderIndex(forwardBy: second < 126 ? 2 : second == 126 ? 4 : 10)
    return Array(frame.readableBytesView)
  }

  private static func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { String(UInt16($0) | 0x100, radix: 16).dropFirst() }.joined()
  }

  private static func bytes(_ text: String) -> [UInt8] {
    let digits = Array(text.utf8).map { $0 < 58 ? $0 - 48 : $0 - 87 }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  private static func isSame(_ one: RawMessage, _ other: RawMessage) -> Bool {
    one.channel == other.channel && one.header == other.header && one.parent == other.parent
      && one.metadata == other.metadata && one.content == other.content && one.buffers == other.buffers
      && one.fields == other.fields && one.parentFields == other.parentFields
  }

  private static func python(_ script: String, _ arguments: [String]) throws {
    let package = URL(filePath: #filePath).appending(path: "../../..").standardized.path
    let python = ProcessInfo.processInfo.environment["FLEET_TEST_PYTHON"] ?? package + "/.venv/bin/python"
    let process = Foundation.Process()
    process.executableURL = URL(filePath: python)
    process.arguments = [package + "/Tests/FleetTests/Python/websocket/" + script] + arguments
    let errors = Pipe()
    process.standardError = errors
    try process.run()
    let text = try errors.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "\(String(decoding: text, as: UTF8.self))")
  }
}

/// Random numbers and messages that a seed repeats.
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

  private mutating func text() -> String {
    let letters = Array("abcXYZ 019\"\\/\n\té𝄞{}[],:")
    return String((0..<below(30)).map { _ in letters[below(letters.count)] })
  }

  private mutating func object(_ depth: Int = 0) -> JSON {
    var members: [String: JSON] = [:]
    for _ in 0..<below(5) {
      let value: JSON =
        switch below(depth < 3 ? 7 : 5) {
        case 0: .string(text())
        case 1: .int(Int64(bitPattern: next()))
        case 2: .bool(below(2) == 0)
        case 3: .null
        case 4: .double(Double(below(1000)) / 8)
        case 5: .array((0..<below(4)).map { _ in object(depth + 1) })
        default: object(depth + 1)
        }
      members[text()] = value
    }
    return .object(members)
  }

  mutating func message() throws -> RawMessage {
    func header(_ type: String) -> [UInt8] {
      let json: JSON = [
        "msg_id": .string("\(next())_\(text())"), "msg_type": .string(type), "session": .string(text()),
        "username": .string(text()), "date": "2026-03-01T09:30:00.000125Z", "version": "5.4",
      ]
      return json.encoded()
    }
    let channels: [ConnectionFile.Channel] = [.shell, .control, .stdin]
    let buffers = (0..<(below(3) == 0 ? 1 + below(4) : 0)).map { _ in (0..<below(300)).map { _ in UInt8(below(256)) } }
    let parent = below(2) == 0 ? Array("{}".utf8) : header("execute_request")
    return try RawMessage(
      channel: channels[below(3)], header: header("comm_msg"), parent: parent, metadata: object().encoded(),
      content: object().encoded(), buffers: buffers)
  }
}
