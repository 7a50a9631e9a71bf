// The wire thread against kernels in this process.
import JSON
import Synchronization
import Testing

@testable import JupyterProtocol

@Suite struct WireTests {
  private final class Events: Sendable {
    let all = Mutex<[WireEvent]>([])

    func wait(for event: WireEvent) throws { try wait("\(event)") { $0 == event } }

    func wait(_ what: String, _ isWanted: (WireEvent) -> Bool) throws {
      try eventually("event \(what)") { all.withLock { $0.contains(where: isWanted) } }
    }

    func count(_ event: WireEvent) -> Int { all.withLock { $0.filter { $0 == event }.count } }
  }

  private func with(interval: Duration = .milliseconds(20), _ body: (Wire, Events) throws -> Void) throws {
    let events = Events()
    let wire = try Wire(heartbeatInterval: interval) { event in events.all.withLock { $0.append(event) } }
    defer { wire.stop() }
    try body(wire, events)
  }

  @Test func probesAKernelThatStartsLater() throws {
    let placeholder = try TestKernel()
    let connection = placeholder.connection
    placeholder.stop()
    try with { wire, events in
      wire.probe(1, connection, filtered: true)
      let kernel = try TestKernel(connection)
      defer { kernel.stop() }
      try events.wait(for: .ready(token: 1, info: ["status": "ok", "implementation": "test"]))
    }
  }

  @Test(arguments: [true, false])
  func statesOfTheRightKernel(filtered: Bool) throws {
    let kernels = try (0..<3).map { try TestKernel(id: "k\($0)") }
    defer { for kernel in kernels { kernel.stop() } }
    try with { wire, events in
      for (token, kernel) in kernels.enumerated() {
        wire.probe(UInt64(token), kernel.connection, filtered: filtered)
        try events.wait("ready \(token)") { if case .ready(UInt64(token), _) = $0 { true } else { false } }
        wire.watch(UInt64(token), kernel.connection, filtered: filtered)
        try events.wait(for: .heartbeat(token: UInt64(token), isAlive: true))
      }
      events.all.withLock { $0 = [] }
      let client = try KernelClient(kernels[1].connection)
      // Once is enough: a kernel that is ready is heard.
      _ = try client.execute(ExecuteRequest("value 1"), timeout: .seconds(20))
      try events.wait(for: .status(token: 1, .busy, isExecution: true))
      try events.wait(for: .status(token: 1, .idle, isExecution: true))
      for other: UInt64 in [0, 2] {
        #expect(events.count(.status(token: other, .busy, isExecution: true)) == 0)
      }
    }
  }

  /// A kernel by hand, which answers questions from the first moment and publishes from `publishes` questions on.
  private final class LateKernel {
    let connection: ConnectionFile
    let session: MessageSession
    private let shell: ZMQSocket
    private let iopub: ZMQSocket
    private let publishes: Int
    private(set) var questions = 0

    init(publishes: Int) throws {
      self.publishes = publishes
      let placeholder = try TestKernel()
      connection = placeholder.connection
      placeholder.stop()
      session = MessageSession(key: connection.key)
      let context = try ZMQContext()
      (shell, iopub) = (try ZMQSocket(.router, in: context), try ZMQSocket(.xpub, in: context))
      try shell.bind(connection.endpoint(.shell))
    }

    func publish(_ state: String, parent: MessageHeader) throws {
      let frames = session.frames(
        session.header("status"), identities: [Array("kernel.late.status".utf8)], parent: parent,
        content: Array("{\"execution_state\":\"\(state)\"}".utf8))
      try iopub.send(frames)
    }

    /// - Parameter last: what else happens before the reply.
    func answer(last: () throws -> Void = {}) throws {
      while let frames = try shell.receive() {
        let question = try session.parse(frames)
        questions += 1
        if questions == publishes { try iopub.bind(connection.endpoint(.iopub)) }
        try publish("busy", parent: question.header)
        try publish("idle", parent: question.header)
        try last()
        let reply = session.frames(
          session.header("kernel_info_reply"), identities: [frames[0]], parent: question.header, content: [123, 125])
        try shell.send(reply)
      }
    }
  }

  private static let foreign = MessageSession(key: "")

  /// Answers until the wire takes it for ready.
  private func readyKernel(_ wire: Wire, _ events: Events, publishes: Int, filtered: Bool) throws -> LateKernel {
    let kernel = try LateKernel(publishes: publishes)
    wire.probe(1, kernel.connection, filtered: filtered)
    try eventually("ready") {
      try kernel.answer()
      return events.count(.ready(token: 1, info: [:])) == 1
    }
    return kernel
  }

  @Test(arguments: [true, false])
  func aKernelIsReadyWhenItIsHeard(filtered: Bool) throws {
    try with { wire, events in
      let kernel = try readyKernel(wire, events, publishes: 3, filtered: filtered)
      #expect(kernel.questions >= 3)
      // What is answered while a cell runs is not told, whoever asked; the cell is, though nobody watches its heart yet.
      try kernel.publish("idle", parent: Self.foreign.header("kernel_info_request"))
      try kernel.publish("busy", parent: Self.foreign.header("execute_request"))
      try events.wait(for: .status(token: 1, .busy, isExecution: true))
      #expect(events.all.withLock { $0.count } == 2)
    }
  }

  /// A cell may begin before the host has read the reply.
  @Test func whatAKernelDidLastIsToldWhenItIsReady() throws {
    try with { wire, events in
      let kernel = try LateKernel(publishes: 1)
      wire.probe(1, kernel.connection, filtered: true)
      try eventually("busy") {
        try kernel.answer { try kernel.publish("busy", parent: Self.foreign.header("execute_request")) }
        return events.count(.status(token: 1, .busy, isExecution: true)) > 0
      }
      #expect(events.all.withLock { $0.first } == .ready(token: 1, info: [:]))
    }
  }

  /// libzmq aborts when a socket is disconnected that has a part of a message out already.
  @Test(arguments: [true, false])
  func aKernelThatFloodsCanBeLetGo(filtered: Bool) throws {
    try with { wire, events in
      let kernel = try readyKernel(wire, events, publishes: 1, filtered: filtered)
      // The wire thread waits with the first of them.
      try events.all.withLock { _ in
        for _ in 0..<900 { try kernel.publish("busy", parent: Self.foreign.header("execute_request")) }
        wire.unwatch(1)
      }
      let other = try TestKernel()
      defer { other.stop() }
      wire.probe(2, other.connection, filtered: filtered)
      try events.wait("ready") { if case .ready(2, _) = $0 { true } else { false } }
    }
  }

  @Test func aKernelThatPublishesNothingIsReadyAllTheSame() throws {
    try with { wire, events in
      _ = try readyKernel(wire, events, publishes: 0, filtered: false)
    }
  }

  @Test func missedHeartbeatsAreReportedUntilUnwatched() throws {
    let kernel = try TestKernel()
    try with { wire, events in
      wire.watch(5, kernel.connection, filtered: true)
      try events.wait(for: .heartbeat(token: 5, isAlive: true))
      kernel.stop()
      try eventually("three misses") { events.count(.heartbeat(token: 5, isAlive: false)) >= 3 }
      wire.unwatch(5)
      // What is asked for later is carried out later: after it, nothing of kernel 5 can come any more.
      let other = try TestKernel()
      defer { other.stop() }
      wire.probe(6, other.connection, filtered: true)
      try events.wait("ready") { if case .ready(6, _) = $0 { true } else { false } }
      let misses = events.count(.heartbeat(token: 5, isAlive: false))
      wire.watch(6, other.connection, filtered: true)
      try eventually("beats of the other") { events.count(.heartbeat(token: 6, isAlive: true)) >= 5 }
      #expect(events.count(.heartbeat(token: 5, isAlive: false)) == misses)
    }
  }

  @Test func aBeatOutOfTurn() throws {
    let kernel = try TestKernel()
    defer { kernel.stop() }
    try with(interval: .seconds(3600)) { wire, events in
      wire.watch(1, kernel.connection, filtered: true)
      wire.beat(1, timeout: .seconds(20))
      try events.wait(for: .heartbeat(token: 1, isAlive: true))
    }
  }

  @Test func interruptAndShutdown() throws {
    let kernel = try TestKernel()
    defer { kernel.stop() }
    try with { wire, events in
      wire.interrupt(1, 7, kernel.connection)
      try events.wait(for: .interrupted(token: 1, number: 7, isAnswered: true))
      wire.shutdown(1, kernel.connection, restart: true)
      try events.wait(for: .shutdown(token: 1, isAnswered: true))
    }
  }

  @Test func deadlinesComeInOrder() {
    var queue = DeadlineQueue<Int64>()
    var random = Seeded(seed: 3)
    let times = (0..<500).map { _ in Int64.random(in: 0..<1000, using: &random) }
    for time in times { queue.insert(time, at: MonotonicTime(nanoseconds: time)) }
    var popped: [Int64] = []
    while let item = queue.popDue(at: MonotonicTime(nanoseconds: 499)) { popped.append(item) }
    #expect(popped == times.filter { $0 < 500 }.sorted())
    #expect(queue.earliest?.nanoseconds == times.filter { $0 >= 500 }.min())
  }
}
