// The sockets of a client and nothing more: frames out, frames in, signatures made and checked.
import CZeroMQ
import JupyterProtocol

final class RawClient {
  let session: MessageSession
  private let signer: FrameSigner
  private let shell: ZMQSocket
  private let iopub: ZMQSocket
  private var poller = ZMQPoller()

  init(_ connection: ConnectionFile) throws {
    let context = try ZMQContext()
    session = MessageSession(key: connection.key)
    signer = FrameSigner(key: connection.key)
    iopub = try ZMQSocket(.sub, in: context)
    try iopub.set(ZMQ_SUBSCRIBE, [])
    shell = try ZMQSocket(.dealer, in: context)
    try shell.set(ZMQ_ROUTING_ID, Array(session.id.utf8))
    for (socket, channel) in [(iopub, ConnectionFile.Channel.iopub), (shell, .shell)] {
      try socket.set(ZMQ_RECONNECT_IVL, 1)
      try socket.connect(connection.endpoint(channel))
    }
    poller.add(shell)
    poller.add(iopub)
  }

  /// Signs a request, sends it, and takes what comes until that is enough.
  /// - Returns: nil if it was not within a second.
  func exchange(
    _ request: Frames, until isEnough: (_ outputs: [Frames], _ replies: [Frames]) -> Bool
  ) throws -> (outputs: [Frames], replies: [Frames])? {
    var request = request
    try signer.sign(&request)
    try shell.send(request)
    var outputs: [Frames] = []
    var replies: [Frames] = []
    while !isEnough(outputs, replies) {
      guard try poller.wait(until: .after(.seconds(1))) else { return nil }
      while let frames = try iopub.receive() {
        try signer.check(frames)
        outputs.append(frames)
      }
      while let frames = try shell.receive() {
        try signer.check(frames)
        replies.append(frames)
      }
    }
    return (outputs, replies)
  }
}
