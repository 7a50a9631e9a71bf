// Clients of a real kernel through its room: who is there, what is kept, and when the sockets go.
import FleetEngine
import Foundation
import JSON
import JupyterProtocol
import Synchronization
import Testing

@testable import FleetCore

@Suite struct ChannelRoomTests {
  /// A client that takes what comes, unless it is told not to.
  private final class TestClient: Sendable {
    private struct State {
      var client: ChannelClient?
      var messages: [RawMessage] = []
      var closing: ChannelClosing?
      var reads = true
    }

    let session = MessageSession(key: "", username: "anna")
    private let state = Mutex(State())

    init(_ room: ChannelRoom, session key: String? = nil, reads: Bool = true) throws {
      state.withLock { $0.reads = reads }
      let client = try room.join(session: key, as: room.ticket()) { [weak self] in self?.hear($0) }
      state.withLock { $0.client = client }
      // What was there before the client was.
      hear(.messages)
    }

    var client: ChannelClient? { state.withLock { $0.client } }
    var closing: ChannelClosing? { state.withLock { $0.closing } }
    var messages: [RawMessage] { state.withLock { $0.messages } }

    private func hear(_ news: ChannelNews) {
      switch news {
      case .messages: if state.withLock({ $0.reads }) { takeAll() }
      case .room: break
      case .closed(let closing, let last):
        state.withLock { state in
          state.closing = closing
          state.messages += last.map(\.raw)
        }
      }
    }

    func takeAll() {
      guard let client else { return }
      while case let batch = client.take(most: 1 << 20), !batch.isEmpty {
        state.withLock { $0.messages += batch.map(\.raw) }
      }
    }

    @discardableResult
    func execute(_ code: String) -> String {
      let header = session.header("execute_request")
      let content: JSON = ["code": .string(code), "silent": false, "allow_stdin": false]
      _ = client?.send(RawMessage(header, channel: .shell, content: content))
      return header.id
    }

    func types(answering id: String) -> [String] {
      messages.filter { $0.parentFields?.id == id }.map(\.fields.type)
    }

    func hasEnded(_ id: String) -> Bool {
      let types = types(answering: id)
      return types.contains("execute_reply") && types.count { $0 == "status" } == 2
    }

    var states: [String] {
      messages.filter { $0.fields.type == "status" }.compactMap {
        try? JSON(parsing: $0.content)["execution_state"]?.string
      }
    }
  }

  private func with(
    _ limits: ChannelLimits = ChannelLimits(),
    _ body: (HostFixture, FleetHost, _ uuid: String, ChannelRoom) async throws -> Void
  ) async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start { $0.channels = limits }
      let uuid = try #require(try await host.spawn(fleet.request())["uuid"]?.string)
      try await body(fleet, host, uuid, try await host.channels(uuid))
    }
  }

  private func soon(_ condition: () async throws -> Bool) async rethrows -> Bool {
    let deadline = ContinuousClock.now + .seconds(10)
    while try await !condition() {
      if ContinuousClock.now > deadline { return false }
      await Task.yield()
    }
    return true
  }

  private func hasLink(_ room: ChannelRoom) -> Bool { room.state.withLock { $0.link != nil } }

  @Test func `the sockets are there while somebody is, or while his cell runs`() async throws {
    try await with { _, _, _, room in
      #expect(!hasLink(room))
      let client = try TestClient(room, session: "s")
      #expect(hasLink(room))
      let first = client.execute("print(1)")
      #expect(await eventually { client.hasEnded(first) })
      #expect(client.types(answering: first).contains("stream"))
      let second = client.execute("import time; time.sleep(0.5); print('late')")
      #expect(await eventually { client.types(answering: second).contains("status") })
      client.client?.leave()
      #expect(hasLink(room) && room.connections == 0)
      #expect(await eventually { !hasLink(room) })
      // What was said meanwhile, in order, once.
      let again = try TestClient(room, session: "s")
      #expect(await eventually { again.types(answering: second).contains("execute_reply") })
      #expect(again.types(answering: second).count { $0 == "stream" } == 1)
    }
  }

  @Test func `a session that nobody comes back to is forgotten`() async throws {
    var limits = ChannelLimits()
    limits.awayFor = .milliseconds(200)
    try await with(limits) { _, _, _, room in
      let client = try TestClient(room, session: "s")
      let once = try TestClient(room)
      client.client?.leave()
      once.client?.leave()
      #expect(room.state.withLock { Array($0.sessions.keys) } == ["s"])
      #expect(await eventually { room.state.withLock { $0.sessions.isEmpty && $0.away.isEmpty } })
    }
  }

  @Test func `sessions of clients that are away are bounded, and so are clients`() async throws {
    var limits = ChannelLimits()
    limits.sessionsAway = 3
    limits.clients = 2
    try await with(limits) { _, _, uuid, room in
      for number in 0..<5 { try TestClient(room, session: "s\(number)").client?.leave() }
      #expect(Set(room.state.withLock { $0.sessions.keys }) == ["s2", "s3", "s4"])
      let clients = [try TestClient(room), try TestClient(room, session: "s4")]
      let error = #expect(throws: EngineError.self) { try TestClient(room) }
      #expect(error?.code == .limit)
      #expect(clients.count == room.connections)
    }
  }

  @Test func `a kernel that takes nothing is sent no more by clients that come and go`() async throws {
    var limits = ChannelLimits()
    limits.incoming = 10_000
    try await with(limits) { _, _, _, room in
      room.kernelChanged(to: .crashed)
      let code = String(repeating: "x", count: 10_000)
      var joined = 0
      let error = #expect(throws: EngineError.self) {
        for _ in 0..<20 {
          let client = try TestClient(room)
          client.execute(code)
          client.client?.leave()
          joined += 1
        }
      }
      #expect(error?.code == .limit && (4...5).contains(joined))
      // What it will never take is forgotten.
      room.kernelChanged(to: .dead)
      _ = try TestClient(room)
    }
  }

  @Test func `executions that the kernel did not live to finish are answered`() async throws {
    try await with { _, host, uuid, room in
      let client = try TestClient(room)
      let cells = [client.execute("import time; print('begun', flush=True); time.sleep(1000)"), client.execute("1")]
      #expect(await eventually { client.types(answering: cells[0]).contains("stream") })
      _ = try await host.restart(uuid)
      for cell in cells {
        #expect(await eventually { client.types(answering: cell).suffix(2) == ["execute_reply", "status"] })
      }
      let replies = client.messages.filter { $0.fields.type == "execute_reply" }
      let aborted = #"{"status":"aborted"}"#
      #expect(replies.map { String(decoding: $0.content, as: UTF8.self) } == [aborted, aborted])
      let next = client.execute("print(1)")
      #expect(await eventually { client.hasEnded(next) })
    }
  }

  @Test func `a crash is told once, and not to who comes later`() async throws {
    try await with { _, _, _, room in
      let client = try TestClient(room)
      room.kernelChanged(to: .crashed)
      room.kernelChanged(to: .crashed)
      #expect(client.states.filter { $0 == "restarting" }.count == 1)
      #expect(try TestClient(room).states == ["starting"])
    }
  }

  @Test func `of two connections of one session the later one stays, whichever joins first`() async throws {
    try await with { _, _, _, room in
      let ticket = room.ticket()
      let later = try TestClient(room, session: "s")
      let error = #expect(throws: EngineError.self) { try room.join(session: "s", as: ticket) { _ in } }
      #expect(error?.message.contains("another connection") == true)
      #expect(later.closing == nil && room.connections == 1)
    }
  }

  @Test func `who does not read is closed when not even answers have room`() async throws {
    var limits = ChannelLimits()
    limits.outgoing = 200_000
    try await with(limits) { _, _, _, room in
      let silent = try TestClient(room, reads: false)
      let reader = try TestClient(room)
      var ids: [String] = []
      for _ in 0..<200 { ids.append(reader.execute("1")) }
      #expect(await eventually { ids.allSatisfy(reader.hasEnded) })
      #expect(silent.closing == .tooSlow && reader.closing == nil)
      #expect(room.connections == 1)
    }
  }

  @Test func `outputs of a flood arrive whole where they are read, and are dropped with a notice where they are not`()
    async throws
  {
    var limits = ChannelLimits()
    // What comes in one turn of the wire, 1 MiB, must have room between them.
    limits.outgoing = 1_500_000
    limits.hold = 200_000
    limits.resume = 100_000
    try await with(limits) { _, _, _, room in
      let silent = try TestClient(room, reads: false)
      let reader = try TestClient(room)
      let id = reader.execute("for i in range(600): print('x' * 9999, flush=True)")
      #expect(await eventually { reader.hasEnded(id) })
      func text(_ client: TestClient) -> Int {
        client.messages.filter { $0.fields.type == "stream" }.reduce(0) { $0 + $1.content.count { $0 == 0x78 } }
      }
      #expect(text(reader) >= 600 * 9999)
      silent.takeAll()
      #expect(silent.closing == nil && text(silent) < 3_000_000)
      let notices = silent.messages.filter { String(decoding: $0.content, as: UTF8.self).contains("dropped here") }
      #expect(notices.count == 1 && silent.states.last == "idle")
      // It stands in the cell whose output is missing.
      let parent = String(decoding: try #require(notices.first).parent, as: UTF8.self)
      #expect(parent.contains(id))
    }
  }

  @Test func `activity is executions; clients are counted and named`() async throws {
    try await with { _, host, uuid, room in
      let id = try #require(KernelID(uuid: uuid))
      let before = await host.activity(of: id)
      let clients = try (0..<3).map { _ in try TestClient(room) }
      _ = clients[0].client?.send(
        RawMessage(clients[0].session.header("kernel_info_request"), channel: .shell, content: [:]))
      #expect(await eventually { clients[0].messages.contains { $0.fields.type == "kernel_info_reply" } })
      #expect(await host.activity(of: id).lastActivity == before.lastActivity)
      let cell = clients[0].execute("1")
      #expect(await eventually { clients[0].hasEnded(cell) })
      #expect(await soon { await host.activity(of: id).lastActivity > before.lastActivity })
      let document = try await host.kernel(uuid)
      #expect(document["connections"] == 3)
      let names: [String] = document["clients"]?.array?.compactMap(\.string) ?? []
      #expect(names.count == 3 && names.contains { $0.hasPrefix("anna (session ") })
      #expect(await host.activity(of: id).connections == 3)
      for client in clients { client.client?.leave() }
      #expect(try await soon { try await host.kernel(uuid)["connections"] == 0 })
    }
  }

  @Test func `clients hear of restarts, of the end, and of a host that leaves`() async throws {
    try await with { fleet, host, uuid, room in
      let client = try TestClient(room)
      let cell = client.execute("x = 1")
      #expect(await eventually { client.hasEnded(cell) })
      _ = try await host.restart(uuid)
      #expect(await eventually { client.states.contains("starting") && client.states.last == "idle" })
      #expect(!client.states.contains("restarting"))  // which is a crash
      let other = client.execute("print(dir())")
      #expect(await eventually { client.hasEnded(other) })
      try await fleet.drop(kernels: true)
      #expect(client.closing == .kernelGone && client.states.last == "dead")
      await #expect(throws: EngineError.self) { try await host.channels(uuid) }
    }
  }
}
