// What waits for a client: order, bounds, and what goes first.
import JSON
import JupyterProtocol
import Testing

@testable import FleetCore

@Suite struct OutboxTests {
  private let meter = MessageMeter()
  private let session = MessageSession(key: "")

  private func message(
    _ type: String, channel: ConnectionFile.Channel = .iopub, _ content: JSON = [:], bytes: Int = 0
  ) -> ChannelMessage {
    var raw = RawMessage(session.header(type), channel: channel, content: content)
    if bytes > 0 { raw.buffers = [[UInt8](repeating: 1, count: bytes)] }
    return ChannelMessage(raw, meter: meter)
  }

  private func notice(_ dropped: Int, _ parent: [UInt8]) -> ChannelMessage {
    message("notice", ["dropped": JSON(dropped)])
  }

  private func types(_ messages: [ChannelMessage]) -> [String] { messages.map(\.raw.fields.type) }

  @Test func `messages leave in their order, in batches`() {
    var outbox = Outbox()
    for number in 0..<10 {
      #expect(
        outbox.offer(message("m\(number)", bytes: 1000), limit: 1 << 20, hardLimit: 1 << 20, notice: notice) == .queued)
    }
    var taken: [String] = []
    while case let batch = outbox.take(most: 5000), !batch.isEmpty { taken += types(batch) }
    #expect(taken == (0..<10).map { "m\($0)" })
    #expect(outbox.isEmpty && outbox.bytes == 0)
  }

  @Test func `outputs go first, then a notice says how many, and answers stay`() {
    var outbox = Outbox()
    let limit = 20_000
    for _ in 0..<100 {
      _ = outbox.offer(message("stream", bytes: 5000), limit: limit, hardLimit: 2 * limit, notice: notice)
    }
    let kept = 4
    #expect(outbox.dropped == 100 - kept)
    for type in ["status", "error"] {
      #expect(outbox.offer(message(type), limit: limit, hardLimit: 2 * limit, notice: notice) == .queued)
    }
    let idle = message("status", ["execution_state": "idle"])
    #expect(outbox.offer(idle, limit: limit, hardLimit: 2 * limit, notice: notice) == .queued)
    let reply = message("execute_reply", channel: .shell)
    #expect(outbox.offer(reply, limit: limit, hardLimit: 2 * limit, notice: notice) == .queued)
    let taken = outbox.take(most: .max)
    #expect(
      types(taken) == Array(repeating: "stream", count: kept) + [
        "status", "error", "notice", "status", "execute_reply",
      ])
    #expect(taken[kept + 2].raw.content == Array(#"{"dropped":96}"#.utf8))
    #expect(outbox.dropped == 0)
  }

  @Test func `who does not even read answers overflows`() {
    var outbox = Outbox()
    var outcome = Outbox.Outcome.queued
    var count = 0
    while outcome == .queued, count < 1000 {
      outcome = outbox.offer(
        message("execute_reply", channel: .shell, bytes: 1000), limit: 10_000, hardLimit: 20_000, notice: notice)
      count += 1
    }
    #expect(outcome == .overflow)
    #expect(outbox.bytes < 30_000)
  }

  @Test func `one message may be larger than all bounds`() {
    var outbox = Outbox()
    #expect(
      outbox.offer(message("display_data", bytes: 1 << 20), limit: 1000, hardLimit: 2000, notice: notice) == .queued)
    #expect(types(outbox.take(most: 10)) == ["display_data"])
    let reply = message("execute_reply", channel: .shell, bytes: 1 << 20)
    #expect(outbox.offer(reply, limit: 1000, hardLimit: 2000, notice: notice) == .queued)
  }

  @Test func `the meter counts what still waits, once`() {
    var one = Outbox()
    var other = Outbox()
    do {
      let message = message("stream", bytes: 100_000)
      _ = one.offer(message, limit: 1 << 20, hardLimit: 1 << 20, notice: notice)
      _ = other.offer(message, limit: 1 << 20, hardLimit: 1 << 20, notice: notice)
    }
    let waiting = meter.bytes.load(ordering: .relaxed)
    #expect((100_000..<110_000).contains(waiting))
    _ = one.take(most: .max)
    #expect(meter.bytes.load(ordering: .relaxed) == waiting)
    _ = other.take(most: .max)
    #expect(meter.bytes.load(ordering: .relaxed) == 0)
  }
}
