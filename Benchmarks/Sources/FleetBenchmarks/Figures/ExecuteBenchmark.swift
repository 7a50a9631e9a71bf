// How much longer an execution takes than the messages that it consists of.
import FleetClient
import Foundation
import JupyterProtocol

enum ExecuteBenchmark: Benchmark {
  static let name = "execute"
  static let summary =
    "execute_request `1` to idle, and the same frames checked, signed and sent by a process without a kernel"

  static func run(_ setting: Setting, _ report: inout Report) throws {
    try BenchFleet.with(setting.executables) { fleet in
      let kernel = try fleet.spawn()
      let recording = try Recording(of: "1", on: ConnectionFile(reading: kernel.connectionFile))
      report.line("\(recording.messages) messages, \(bytes(recording)) bytes")
      let echo = try Echo(recording, in: fleet.directory)
      let client = try kernel.connect()
      try client.waitUntilReady(timeout: .seconds(10))
      try echo.waitUntilReady()

      var executed = Samples()
      var echoed = Samples()
      let rounds = setting.rounds(3000)
      for round in 0..<(rounds + 100) {
        let execution = try execute(client)
        let exchange = try echo.exchange()
        guard round >= 100 else { continue }
        executed.add(execution)
        echoed.add(exchange)
      }
      report.line("execute, request to idle", executed)
      report.line("bare round trip of its frames", echoed)
      report.add(
        Figure("execute `1` to idle, by a bare round trip", executed.median / echoed.median, atMost: 3, Text.ratio))
    }
  }

  private static func execute(_ client: KernelClient) throws -> Duration {
    let start = ContinuousClock.now
    let reply = try client.execute(ExecuteRequest("1"), timeout: .seconds(10))
    let time = ContinuousClock.now - start
    guard reply.outcome == .ok else { throw Failure("the execution failed: \(reply.content.text())") }
    return time
  }

  private static func bytes(_ recording: Recording) -> Int {
    ([recording.request, recording.reply] + recording.outputs).joined().reduce(0) { $0 + $1.count }
  }
}

/// The process that answers with recorded frames, and a client of it.
private struct Echo {
  private let child: Child
  private let client: RawClient
  private let recording: Recording

  init(_ recording: Recording, in directory: String) throws {
    let connection = ConnectionFile.make(basePort: FreePorts.base(count: 5), key: UniqueID.key())
    try connection.write(to: directory + "/echo.json")
    let file = directory + "/recording.json"
    try Data(recording.json.encoded()).write(to: URL(fileURLWithPath: file))
    child = try Child(["/proc/self/exe", EchoKernel.command, file, directory + "/echo.json"])
    client = try RawClient(connection)
    self.recording = recording
  }

  /// Until the subscription is in force; before that, exchanges are incomplete.
  func waitUntilReady() throws {
    for _ in 0..<10 where try complete() { return }
    throw Failure("the echo's outputs do not come")
  }

  func exchange() throws -> Duration {
    let start = ContinuousClock.now
    let isComplete = try complete()
    let time = ContinuousClock.now - start
    guard isComplete else { throw Failure("the echo did not answer") }
    return time
  }

  private func complete() throws -> Bool {
    try client.exchange(recording.request) { outputs, replies in
      outputs.count == recording.outputs.count && replies.count == 1
    } != nil
  }
}
