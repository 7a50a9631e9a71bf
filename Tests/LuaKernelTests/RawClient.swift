// A client that sends without waiting, to fill a kernel's queue.
import JSON
import JupyterProtocol

final class RawClient {
  private let context: ZMQContext
  private let shell: ZMQSocket
  private let session: MessageSession
  private var received: [JupyterMessage] = []

  init(_ connection: ConnectionFile) throws {
    context = try ZMQContext()
    shell = try ZMQSocket(.dealer, in: context)
    session = MessageSession(key: connection.key)
    try shell.connect(connection.endpoint(.shell))
  }

  /// - Returns: the request's id.
  func execute(_ code: String, stopOnError: Bool = true) throws -> String {
    let header = session.header("execute_request")
    let content: JSON = ["code": .string(code), "stop_on_error": .bool(stopOnError)]
    try shell.send(session.frames(header, content: content.encoded()))
    return header.id
  }

  /// Waits until so many replies have come since the beginning.
  func replies(_ count: Int) throws -> [JupyterMessage] {
    var poller = ZMQPoller()
    poller.add(shell)
    while received.count < count {
      guard try poller.wait(until: .after(.seconds(30))) else { throw TestFailure(description: "no reply") }
      while let frames = try shell.receive() { received.append(try session.parse(frames)) }
    }
    return received
  }

  var statuses: [String] { received.compactMap { $0.content["status"]?.string } }
}
