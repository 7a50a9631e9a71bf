// One execution as it went over the wire, to be played back by a kernel that is none.
import JSON
import JupyterProtocol

/// The frames of a request and of all that a kernel said about it.
struct Recording {
  /// What a client sends on shell.
  var request: Frames
  /// What it receives on shell: without the identity, which its socket takes off.
  var reply: Frames
  /// What it receives on iopub, topics first.
  var outputs: [Frames]

  var messages: Int { 2 + outputs.count }

  /// Executes code in a kernel and notes the frames.
  init(of code: String, on connection: ConnectionFile) throws {
    let peer = try RawClient(connection)
    let content: JSON = ["code": .string(code), "silent": false, "store_history": true, "allow_stdin": false]
    // Whatever came before the subscription was in force is missing from the first try.
    for _ in 0..<100 {
      request = peer.session.frames(peer.session.header("execute_request"), content: content.encoded())
      let heard = try peer.exchange(request) { outputs, replies in
        !replies.isEmpty && outputs.last.map { Self.says("idle", $0) } ?? false
      }
      if let heard, heard.replies.count == 1, let first = heard.outputs.first, Self.says("busy", first) {
        reply = heard.replies[0]
        outputs = heard.outputs
        return
      }
    }
    throw Failure("an execution of \(code) could not be recorded")
  }

  private static func says(_ state: String, _ frames: Frames) -> Bool {
    frames.last.map { String(decoding: $0, as: UTF8.self).contains(#""execution_state":"\#(state)""#) } ?? false
  }

  // MARK: As a file

  init(_ json: JSON) throws {
    func frames(_ value: JSON?) -> Frames { (value?.array ?? []).map { Array(($0.string ?? "").utf8) } }
    request = frames(json["request"])
    reply = frames(json["reply"])
    outputs = (json["outputs"]?.array ?? []).map(frames)
    guard request.count == 6, reply.count == 6, !outputs.isEmpty else { throw Failure("this is no recording") }
  }

  var json: JSON {
    func values(_ frames: Frames) -> JSON { .array(frames.map { .string(String(decoding: $0, as: UTF8.self)) }) }
    return ["request": values(request), "reply": values(reply), "outputs": .array(outputs.map(values))]
  }
}

/// Signing and checking of frames without looking into them: the four JSON parts follow the signature, which follows
/// the delimiter.
struct FrameSigner {
  private let signer: Signer

  init(key: String) { signer = Signer(key: key) }

  func sign(_ frames: inout Frames) throws {
    let at = try delimiter(in: frames)
    frames[at + 1] = signer.signature(of: frames[(at + 2)...(at + 5)])
  }

  func check(_ frames: Frames) throws {
    let at = try delimiter(in: frames)
    guard signer.isValid(frames[at + 1], for: frames[(at + 2)...(at + 5)]) else {
      throw Failure("a message was not signed with the key")
    }
  }

  private func delimiter(in frames: Frames) throws -> Int {
    guard let index = frames.firstIndex(of: JupyterMessage.delimiter), index + 5 < frames.count else {
      throw Failure("a message without its parts")
    }
    return index
  }
}
