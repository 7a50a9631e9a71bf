// Clients, usage, identities, descriptors: what is asked of the system about processes.

import Foundation
import Synchronization
import Testing

@testable import FleetCore

@Suite struct LaunchWatchTests {
  /// A listening socket and its port; the backlog makes connections without anybody accepting.
  private func listen() throws -> (socket: Int32, port: UInt16) {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = loopback(0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let port: UInt16? = withUnsafeMutableBytes(of: &address) { bytes in
      let pointer = bytes.assumingMemoryBound(to: sockaddr.self).baseAddress
      guard bind(socket, pointer, length) == 0, Glibc.listen(socket, 16) == 0,
        getsockname(socket, pointer, &length) == 0
      else { return nil }
      return bytes.load(as: sockaddr_in.self).sin_port.bigEndian
    }
    return (socket, try #require(port))
  }

  private func loopback(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
  }

  private func connect(_ port: UInt16) throws -> Int32 {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = loopback(port)
    let result = withUnsafeBytes(of: &address) {
      Glibc.connect(socket, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t($0.count))
    }
    try #require(result == 0)
    return socket
  }

  @Test func clientsAreCountedWithoutOurOwn() async throws {
    try await LaunchFixture.with { fleet in
      let (server, port) = try listen()
      let (other, otherPort) = try listen()
      let own = try connect(port)
      defer { for socket in [server, other, own] { close(socket) } }
      let counter = ClientCounter()
      // A server of which nothing is known.
      let nobody = Int32.max
      #expect(try counter.established(on: [port: nobody, otherPort: nobody]) == [port: 0, otherPort: 0])
      let client = try await fleet.launch(
        fleet.request([
          "python3", "-c",
          "import socket, sys, time; s = socket.create_connection(('127.0.0.1', int(sys.argv[1]))); print('on', flush=True); time.sleep(1000)",
          "\(port)",
        ]))
      try #require(await fleet.wait(for: "on", of: client))
      // A client counts unless it is the server itself.
      #expect(try counter.established(on: [port: nobody, otherPort: nobody]) == [port: 1, otherPort: 0])
      #expect(try ClientCounter().established(on: [port: client.kernel]) == [port: 0])
      try client.kill()
      let isGone = try await eventually { try counter.established(on: [port: nobody]) == [port: 0] }
      #expect(isGone)
    }
  }

  /// A dump of the system's connections is no snapshot: of a connection made meanwhile it may have one end alone.
  @Test func ownConnectionsThatComeAndGoAreNeverCounted() throws {
    let (server, port) = try listen()
    defer { close(server) }
    let isOver = Mutex(false)
    let ended = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      while !isOver.withLock({ $0 }) {
        guard let client = try? connect(port) else { continue }
        close(accept(server, nil, nil))
        close(client)
      }
      ended.signal()
    }
    let counter = ClientCounter()
    var wrong = 0
    for _ in 0..<300 where try counter.established(on: [port: Int32.max]) != [port: 0] { wrong += 1 }
    isOver.withLock { $0 = true }
    ended.wait()
    #expect(wrong == 0)
  }

  @Test func usageOfAProcess() async throws {
    try await LaunchFixture.with { fleet in
      let script = "kept = bytearray(50 << 20); print('on', flush=True); import time; time.sleep(1000)"
      let process = try await fleet.launch(fleet.request(["python3", "-c", script]))
      try #require(await fleet.wait(for: "on", of: process))
      let usage = try #require(ProcessUsage(pid: process.kernel))
      #expect(usage.privateBytes > 50 << 20 && usage.privateBytes < 100 << 20)
      #expect(usage.residentBytes > usage.privateBytes)
      #expect(usage.threads == 1 && usage.writeCount >= 1 && usage.readCount > 10)
      #expect(usage.userMicroseconds + usage.systemMicroseconds < 10_000_000)
      try process.kill()
      _ = try await fleet.end(of: process)
      #expect(ProcessUsage(pid: process.kernel) == nil)
    }
  }

  @Test func aNameCannotForgeTheFieldsOfStat() throws {
    let line = "42 (a) R 1 (b) S 7 42 42 0 -1 4194560 1 0 0 0 11 12 0 0 20 -5 3 0 987 1000 200 18446744073709551615 1"
    let stat = try #require(Array(line.utf8).withUnsafeBytes { ProcessStat(pid: 42, $0) })
    #expect(stat.parent == 7 && stat.state == UInt8(ascii: "S") && stat.threads == 3)
    #expect(stat.userTicks == 11 && stat.systemTicks == 12 && stat.startTicks == 987)
    #expect(Array("42 (x) S 7".utf8).withUnsafeBytes { ProcessStat(pid: 42, $0) } == nil)
  }

  @Test func identitiesDiffer() throws {
    let own = try ProcessHandle(pid: getpid())
    let parent = try ProcessHandle(pid: getppid())
    let identity = try #require(ProcessIdentity(own))
    #expect(identity == ProcessIdentity(try own.duplicate()))
    #expect(identity != ProcessIdentity(parent))
    #expect(identity == ProcessIdentity(description: identity.description))
  }

  @Test func recordsThatAreNone() {
    for text in ["", "{", "{}", "[1]", #"{"nonce":"n","pid":1}"#, #"{"nonce":"n","pid":1,"code":null,"signal":null}"#] {
      #expect(ExitRecord(parsing: Array(text.utf8)) == nil)
    }
    let old = ExitRecord(parsing: Array(#"{"nonce":"n","pid":1,"code":0,"signal":null}   "#.utf8))
    #expect(old?.ending == .code(0))
  }

  @Test func waitsEndInTimeOrWhenTheyAreCancelled() async throws {
    let events = try DescriptorEvents()
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    let (reader, writer) = (ends[0], ends[1])
    defer { for end in [reader, writer] { close(end) } }
    #expect(try await events.readable(reader, within: .milliseconds(5)) == .timedOut)
    let waiting = Task { try await events.readable(reader) }
    waiting.cancel()
    #expect(try await waiting.value == .cancelled)
    let second = Task { try await events.readable(reader, within: .seconds(20)) }
    write(writer, "x", 1)
    #expect(try await second.value == .ready)
    await #expect(throws: SystemError.self) { _ = try await events.readable(-1) }
  }

  @Test func releasedEventsCancelWhatWaits() async throws {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    let (reader, writer) = (ends[0], ends[1])
    defer { for end in [reader, writer] { close(end) } }
    let outcome = await withCheckedContinuation {
      (continuation: CheckedContinuation<DescriptorEvents.Outcome?, Never>) in
      let events = try? DescriptorEvents()
      let token = try? events?.once(reader) { continuation.resume(returning: $0) }
      if token == nil { continuation.resume(returning: nil) }
    }
    #expect(outcome == .cancelled)
  }
}
