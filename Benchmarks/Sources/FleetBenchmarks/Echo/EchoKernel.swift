// A kernel that is none: it checks each request's signature and answers with recorded frames, signed anew. What a kernel
// takes beyond this is its own work and that of its client.
import CZeroMQ
import Foundation
import JSON
import JupyterProtocol

enum EchoKernel {
  /// Runs it instead of the benchmarks: echo RECORDING CONNECTION-FILE
  static let command = "echo"

  /// Serves until it is killed.
  static func run(_ arguments: [String]) throws {
    guard arguments.count == 2 else { throw Failure("echo takes a recording and a connection file") }
    let recording = try Recording(JSON(parsing: Data(contentsOf: URL(fileURLWithPath: arguments[0]))))
    let connection = try ConnectionFile(reading: arguments[1])
    let context = try ZMQContext()
    let shell = try ZMQSocket(.router, in: context)
    let iopub = try ZMQSocket(.xpub, in: context)
    try shell.bind(connection.endpoint(.shell))
    try iopub.bind(connection.endpoint(.iopub))
    try serve(recording, FrameSigner(key: connection.key), shell, iopub)
  }

  private static func serve(
    _ recording: Recording, _ signer: FrameSigner, _ shell: ZMQSocket, _ iopub: ZMQSocket
  ) throws {
    var poller = ZMQPoller()
    poller.add(shell)
    while true {
      guard let request = try shell.receive() else {
        _ = try poller.wait()
        continue
      }
      try signer.check(request)
      // As the kernel does: the reply comes before the last output, which says that it is idle.
      for output in recording.outputs.dropLast() { try send(output, signer, iopub) }
      try send([request[0]] + recording.reply, signer, shell)
      if let idle = recording.outputs.last { try send(idle, signer, iopub) }
    }
  }

  private static func send(_ frames: Frames, _ signer: FrameSigner, _ socket: ZMQSocket) throws {
    var frames = frames
    try signer.sign(&frames)
    try socket.send(frames)
  }
}
