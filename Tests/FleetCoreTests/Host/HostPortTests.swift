// Ports: none is shared, and those that another program has are left to it.

import FleetEngine
import Foundation
import JSON
import Testing

@testable import FleetCore

/// A program that listens on a port of loopback.
final class Listener: Sendable {
  private let descriptor: Int32
  private let port: Int

  init(port: Int) throws {
    self.port = port
    descriptor = Self.makeSocket()
    var yes: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    try #require(Self.withAddress(port) { bind(descriptor, $0, $1) } == 0 && listen(descriptor, 4) == 0)
  }

  private static func makeSocket() -> Int32 {
    socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
  }

  private static func withAddress(_ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
  }

  /// Answers a client of its own and hangs up on it.
  func acceptAndEndOne() throws {
    let client = Self.makeSocket()
    try #require(Self.withAddress(port) { connect(client, $0, $1) } == 0)
    let server = accept(descriptor, nil, nil)
    try #require(server >= 0)
    close(server)
    close(client)
  }

  deinit { close(descriptor) }
}

@Suite struct HostPortTests {
  @Test func tenAtOnceShareNothing() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start()
      let kernels = try await withThrowingTaskGroup { group in
        for n in 0..<10 {
          group.addTask {
            try await host.spawn(fleet.request(["language": "python", "env_vars": ["NUMBER": .string("\(n)")]]))
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(Set(kernels.map(\.id)).count == 10 && Set(kernels.compactMap(\.pid)).count == 10)
      let ports = kernels.compactMap { $0["port"]?.int }.sorted()
      #expect(ports == (0..<10).map { Int64(fleet.base + 5 * $0) })
      #expect(await host.kernels().count == 10)
      var numbers: Set<String> = []
      for kernel in kernels {
        numbers.insert(try await fleet.execute(kernel, "import os; print(os.environ['NUMBER'])"))
      }
      #expect(numbers.count == 10, "somebody got somebody else's variables")
      let stopped = await host.stopAll(force: true, timeout: .zero)
      #expect(stopped == ["stopped": .array(kernels.map(\.id).sorted().map(JSON.string)), "failed": []])
      for kernel in kernels { #expect(!isAlive(try #require(kernel.pid))) }
    }
  }

  @Test func aBaseThatSomebodyElseHasIsSkippedAndNothingIsLostByIt() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start()
      // The first base by its heartbeat port, the second by its shell port.
      let strangers = [try Listener(port: fleet.base + 4), try Listener(port: fleet.base + 5)]
      let kernel = try await host.spawn(fleet.request(["language": "python", "env_vars": ["KEY": "value"]]))
      #expect(kernel["port"] == JSON(fleet.base + 10))
      #expect(try await fleet.execute(kernel, "import os; print(os.environ['KEY'])") == "value")
      let story = try await host.kernel(kernel.id)["events"]?.array?.compactMap { $0["detail"]?.string } ?? []
      #expect(story.contains("port \(fleet.base) is taken by another program; trying \(fleet.base + 5)"))
      withExtendedLifetime(strangers) {}
    }
  }

  @Test func aPortThatTheUserInsistsOnIsNotReplaced() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start()
      let stranger = try Listener(port: fleet.base + 50)
      let error = try await #require(throws: EngineError.self) {
        try await host.spawn(fleet.request(["language": "python", "port": JSON(fleet.base + 50)]))
      }
      #expect(error.code == .limit)
      #expect(error.message.hasSuffix("port \(fleet.base + 50) is taken by another program"))
      let kernel = try await host.spawn(fleet.request(["language": "python", "port": JSON(fleet.base + 60)]))
      #expect(kernel["port"] == JSON(fleet.base + 60))
      withExtendedLifetime(stranger) {}
    }
  }

  @Test func whatListensTakesAPortAndWhatListenedDoesNot() throws {
    let port = TestPorts.take(1)
    var listener: Listener? = try Listener(port: port)
    #expect(PortCheck.problem(from: port - 2, count: 5) == "port \(port) is taken by another program")
    #expect(PortCheck.problem(from: port + 1, count: 5) == nil)
    // A connection that the server ended first keeps the port in TIME_WAIT, as that of a kernel which was stopped.
    try listener?.acceptAndEndOne()
    listener = nil
    #expect(PortCheck.problem(from: port, count: 1) == nil)
  }
}
