// What a broken or hostile client sends, drawn from a seed.
import JupyterProtocol

/// A generator of random numbers that a seed replays. <https://prng.di.unimi.it/splitmix64.c>
struct SeededNumbers: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// Bytes for a kernel's port, from noise to messages whose only fault is what they ask.
struct HostileMessages {
  var numbers: SeededNumbers
  private let session: MessageSession
  /// Of the requests that are to be executed: a failure of the other session does not abort them.
  private let executing: MessageSession
  private let signer: Signer
  /// Good requests that were sent on shell, to be sent again.
  private var recorded: [Frames] = []

  /// What requests with a wrong signature try to set.
  static let mark = "__hostile"
  /// Counts what was executed of the requests that are sent again.
  static let counter = "__played"

  init(seed: UInt64, key: String) {
    numbers = SeededNumbers(seed: seed)
    session = MessageSession(key: key)
    executing = MessageSession(key: key)
    signer = Signer(key: key)
  }

  mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &numbers) }

  mutating func bytes(_ count: ClosedRange<Int>) -> [UInt8] {
    (0..<number(count)).map { _ in UInt8.random(in: .min ... .max, using: &numbers) }
  }

  private mutating func pick<T>(_ values: some RandomAccessCollection<T>) -> T {
    // The lists have at least one value.
    values.randomElement(using: &numbers)!
  }

  /// The next message as it is on the wire, and whether the connection is to be ended in the middle of it.
  mutating func next(on channel: ConnectionFile.Channel) -> (bytes: [UInt8], endsConnection: Bool) {
    if channel == .iopub && number(0...1) == 0 { return (RawPeer.encoded([subscription()]), false) }
    switch number(0...19) {
    case 0: return (bytes(1...200), true)
    case 1:
      let whole = RawPeer.encoded(request())
      return (Array(whole.prefix(number(1...(whole.count - 1)))), true)
    case 2:
      // The announcement of a part that never comes, of any size.
      let zeros = number(0...5)
      return ([2] + [UInt8](repeating: 0, count: zeros) + bytes((8 - zeros)...(8 - zeros)), true)
    case 3: return (RawPeer.encoded((0..<number(1...2000)).map { _ in [] }), false)
    case 4...6: return (RawPeer.encoded((0..<number(1...12)).map { _ in bytes(0...300) }), false)
    default: return (RawPeer.encoded(message(on: channel)), false)
    }
  }

  private mutating func subscription() -> [UInt8] { [pick([0, 1, 1, 2])] + bytes(0...40) }

  private mutating func message(on channel: ConnectionFile.Channel) -> Frames {
    switch number(0...6) {
    case 0: return damaged(execute("\(HostileMessages.mark) = true"))
    case 1: return wronglySigned()
    case 2: return Array(request().prefix(number(1...7)))
    case 3 where channel == .shell:
      // Those that a kernel may have forgotten are left out.
      return recorded.suffix(20).randomElement(using: &numbers) ?? request()
    case 4: return unexpectedTypes()
    default: return request()
    }
  }

  // MARK: Requests to be sent again

  /// A good request that counts when it is executed.
  mutating func regular() -> [UInt8] {
    let code = "\(HostileMessages.counter) = (\(HostileMessages.counter) or 0) + 1"
    let request = executing.frames(
      executing.header("execute_request"), content: Array(#"{"code":"\#(code)"}"#.utf8))
    recorded.append(request)
    return RawPeer.encoded(request)
  }

  /// How many of them there are, each of which counts once.
  var played: Int { recorded.count }

  /// The latest of them once more.
  var replays: [UInt8] { recorded.suffix(20).flatMap { RawPeer.encoded($0) } }

  // MARK: Messages of our own client

  private mutating func execute(_ code: String) -> Frames { signed("execute_request", #"{"code":"\#(code)"}"#) }

  private func signed(_ type: String, _ content: String) -> Frames { signed(type, Array(content.utf8)) }

  private func signed(_ type: String, _ content: [UInt8]) -> Frames {
    session.frames(session.header(type), content: content)
  }

  /// A request whose form is right, for what may not exist or be far too much.
  private mutating func request() -> Frames {
    let types = [
      "execute_request", "complete_request", "inspect_request", "history_request", "is_complete_request",
      "comm_info_request", "comm_open", "comm_msg", "comm_close", "kernel_info_request", "input_reply", "no_request",
      "debug_request", "",
    ]
    return signed(pick(types), content())
  }

  private mutating func content() -> [UInt8] {
    let code = pick([
      "string.", "x = = 1", "return {", "error({})", "error(nil)", "(", "[[", "--[==[", "s:rep(", "display{}",
      "\\u0000",
      "\\ud83d\\ude00", "\\ud83d", "local a <close> = 1", "coroutine.wrap(error)()", "help(1)", "return nil, nil",
    ])
    let large = pick([
      "0", "-1", "1", "9223372036854775807", "-9223372036854775808", "1e300", "0.5", "null", "\"1\"", "[]",
    ])
    let fields = [
      #""code":"\#(code)""#, #""cursor_pos":\#(large)"#, #""detail_level":\#(large)"#, #""n":\#(large)"#,
      #""hist_access_type":"\#(pick(["tail", "range", "search", "", "x"]))""#, #""session":\#(large)"#,
      #""start":\#(large)"#, #""stop":\#(large)"#, #""pattern":"\#(pick(["*", "[", "[!", "\\\\", "**?**"]))""#,
      #""user_expressions":\#(pick(["{\"a\":1}", "[1]", "{\"b\":\"error()\"}", "null"]))"#, #""silent":\#(large)"#,
      #""store_history":\#(large)"#, #""comm_id":\#(large)"#, #""target_name":\#(large)"#, #""data":\#(large)"#,
    ]
    return Array(("{" + (0..<number(0...6)).map { _ in pick(fields) }.joined(separator: ",") + "}").utf8)
  }

  // MARK: Faults

  private mutating func damaged(_ frames: Frames) -> Frames {
    var frames = frames
    let index = number(1...5)
    if frames[index].isEmpty || number(0...3) == 0 {
      frames[index] = bytes(0...64)
    } else {
      frames[index][number(0...(frames[index].count - 1))] ^= UInt8(1 << number(0...7))
    }
    return frames
  }

  private mutating func wronglySigned() -> Frames {
    var frames = execute("\(HostileMessages.mark) = true")
    let other = MessageSession(key: pick(["", "another key"]))
    let forged = other.frames(other.header("execute_request"), content: frames[5])
    if number(0...1) == 0 { return forged }
    frames[1] = pick([[], forged[1], frames[1].reversed(), Array(frames[1].dropLast()), Array("0".utf8)])
    return frames
  }

  /// Signed parts that are no messages: other JSON, deep JSON, none.
  private mutating func unexpectedTypes() -> Frames {
    let depth = number(1...5000)
    let deep = Array(String(repeating: pick(["[", "{\"a\":"]), count: depth).utf8)
    let balanced =
      [UInt8](repeating: UInt8(ascii: "["), count: depth) + [UInt8](repeating: UInt8(ascii: "]"), count: depth)
    let parts: [[UInt8]] = [
      deep, Array("{\"a\":".utf8) + balanced + Array("}".utf8), bytes(0...50), Array("[]".utf8), Array("null".utf8),
      Array("1".utf8), Array(#"{"msg_id":1,"msg_type":2}"#.utf8), Array(#"{"msg_id":"","msg_type":""}"#.utf8), [],
      Array("{}".utf8), Array(#"{"a":1,"a":2}"#.utf8), Array(#"{"a":"\ud800"}"#.utf8),
    ]
    var frames = request()
    for _ in 0..<number(1...3) { frames[number(2...5)] = pick(parts) }
    frames[1] = signer.signature(of: frames[2...5])
    if number(0...4) == 0 { frames += (0..<number(1...3)).map { _ in bytes(0...300) } }
    return frames
  }
}
