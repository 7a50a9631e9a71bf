// A host that leaves: with its kernels, without them, and in the middle of requests.

import FleetEngine
import Foundation
import JSON
import Testing

@testable import FleetCore

@Suite struct HostShutdownTests {
  @Test func withItsKernels() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start()
      let first = try await host.spawn(fleet.request())
      let second = try await host.spawn(fleet.request())
      kill(try #require(second.pid), SIGSTOP)
      _ = try await fleet.wait(host, second.id, for: .unhealthy)
      try await fleet.drop(kernels: true)
      for kernel in [first, second] { #expect(!isAlive(try #require(kernel.pid))) }
      #expect(try RegistryDatabase.kernels(at: fleet.directory.database).isEmpty)
      #expect(try KernelFileName.all(in: fleet.directory.path).isEmpty)
      #expect(try fleet.registryFile()["kernels"] == [])
    }
  }

  @Test func inTheMiddleOfASpawn() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start()
      async let spawned = refusal { try await host.spawn(fleet.request()) }
      #expect(await eventually(within: .seconds(60)) { YoungOrOld.exist(in: fleet.directory.path) })
      try await fleet.drop(kernels: true)
      let code = await spawned?.code
      #expect(code == .wrongState || code == .shuttingDown)
      #expect(await eventually { !YoungOrOld.exist(in: fleet.directory.path) }, "a kernel is left over")
      #expect(try RegistryDatabase.kernels(at: fleet.directory.database).isEmpty)
    }
  }

  /// The client is told that it is not known what became of its kernel; the next host knows.
  @Test func inTheMiddleOfASpawnWithoutTheKernel() async throws {
    try await HostFixture.with { fleet in
      var host = try fleet.start()
      let first = host
      async let spawned = refusal {
        try await first.spawn(fleet.request(["language": "python", "name": "alice"]))
      }
      #expect(await eventually(within: .seconds(60)) { YoungOrOld.exist(in: fleet.directory.path) })
      try await fleet.drop()
      #expect(await spawned?.code == .shuttingDown)
      host = try fleet.start()
      _ = try await fleet.wait(host, "alice", for: .idle)
      #expect(await host.counts() == (total: 1, active: 1, dead: 0))
    }
  }

  @Test func afterwardsEverythingIsRefused() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start()
      let kernel = try await host.spawn(fleet.request())
      try await fleet.drop()
      for attempt in [
        { try await host.spawn(fleet.request()) }, { try await host.restart(kernel.id) },
        { try await host.interrupt(kernel.id) }, { try await host.cleanup() },
        { try await host.stop(kernel.id, force: true, timeout: .zero) },
        { try await host.find(fleet.request()).kernel },
      ] as [@Sendable () async throws -> JSON] {
        let error = try await #require(throws: EngineError.self) { try await attempt() }
        #expect(error.code == .shuttingDown)
      }
      // What it knows it still tells.
      #expect(await host.kernels().map(\.id) == [kernel.id])
    }
  }

  @Test func beforeItBegan() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start()
      await host.stop(kernels: false)
      try await fleet.drop()
      await #expect(throws: EngineError.self) { try await host.spawn(fleet.request()) }
    }
  }

  /// Requests that come before it is known what lives wait, and find it.
  @Test func requestsThatComeTooEarly() async throws {
    try await HostFixture.with { fleet in
      var host = try fleet.start()
      _ = try await host.spawn(fleet.request(["language": "python", "name": "alice"]))
      try await fleet.drop()
      host = try fleet.start()
      let second = host
      // Sent at once: the name is taken, and the port too.
      async let refused = refusal {
        try await second.spawn(fleet.request(["language": "python", "name": "alice"]))
      }
      async let other = second.spawn(fleet.request())
      async let listed = second.kernels()
      #expect(await refused?.code == .nameTaken)
      #expect(try await other["port"] == JSON(fleet.base + 5))
      #expect(await listed.contains { $0["name"] == "alice" })
    }
  }
}

/// The shims of a directory, wherever they are in their lives.
enum YoungOrOld {
  static func exist(in directory: String) -> Bool { !YoungShims(directory: directory).find().isEmpty }
}
