// Hosts come and go, kernels stay.

import FleetEngine
import Foundation
import JSON
import Testing

@testable import FleetCore

@Suite struct HostAdoptionTests {
  @Test func aNewHostHasTheKernelsOfTheOldOne() async throws {
    try await HostFixture.with { fleet in
      var host = try fleet.start()
      let kernel = try await host.spawn(
        fleet.request(["language": "python", "name": "alice", "env_vars": ["KEY": "kept"]]))
      _ = try await fleet.execute(kernel, "x = 'still here'")
      try await fleet.drop()
      #expect(isAlive(try #require(kernel.pid)))

      host = try fleet.start()
      let again = try await fleet.wait(host, "alice", for: .idle)
      for member in ["id", "uuid", "pid", "port", "started_at", "name", "connection_file"] {
        #expect(again[member] == kernel[member], "\(member)")
      }
      #expect(try await fleet.execute(again, "print(x)") == "still here")
      // The new host takes up everything that the old one did: health, states, exits, restarts.
      let pid = try #require(again.pid)
      kill(pid, SIGSTOP)
      _ = try await fleet.wait(host, "alice", for: .unhealthy)
      kill(pid, SIGKILL)
      let restarted = try await fleet.wait(host, "alice", for: .idle) { $0.pid != kernel.pid }
      #expect(try await fleet.execute(restarted, "import os; print(os.environ['KEY'])") == "kept")
      // Serial numbers and ports go on.
      let other = try await host.spawn(fleet.request())
      #expect(other["port"] == JSON(fleet.base + 5))
      #expect(await host.registry["total_spawned"] == 2)
    }
  }

  @Test func aKernelThatComputesIsBusyForTheNewHost() async throws {
    try await HostFixture.with { fleet in
      var host = try fleet.start()
      let kernel = try await host.spawn(fleet.request())
      let gate = fleet.directory.path + "/gate"
      let code = "import os, time\nwhile not os.path.exists('\(gate)'): time.sleep(0.01)\nprint('done')"
      async let done = fleet.execute(kernel, code)
      _ = try await fleet.wait(host, kernel.id, for: .busy)
      try await fleet.drop()
      host = try fleet.start { $0.engine.startTimeout = .milliseconds(200) }
      #expect(try await host.kernel(kernel.id)["status"] == "busy")
      // It is asked while it computes, and answers when it can; nobody ends it for that.
      try Data().write(to: URL(filePath: gate))
      #expect(try await done == "done")
      _ = try await fleet.wait(host, kernel.id, for: .idle)
    }
  }

  @Test func whatEndedMeanwhileSaysHow() async throws {
    try await HostFixture.with { fleet in
      var host = try fleet.start()
      let killed = try await host.spawn(fleet.request(["language": "python", "name": "killed"]))
      let clean = try await host.spawn(fleet.request(["language": "python", "name": "clean"]))
      try await fleet.drop()
      kill(try #require(killed.pid), SIGKILL)
      _ = try? await fleet.execute(clean, "import os; os._exit(0)", within: .milliseconds(500))
      for id in [killed.id, clean.id] { #expect(await eventually { fleet.exists(fleet.directory.exitFile(id)) }) }

      host = try fleet.start { $0.engine.backoff.first = .seconds(30) }
      let first = try await host.kernel("killed")
      #expect(first["status"] == "backoff" && first["exit"]?["signal"] == 9)
      let second = try await host.kernel("clean")
      #expect(second["status"] == "exited" && second["exit"]?["code"] == 0)
      #expect(second["exit"]?["ended_at"] != .null)
    }
  }

  @Test func aStopThatWasUnderWayIsFinished() async throws {
    try await HostFixture.with { fleet in
      // Without a missed heartbeat: who misses one is not asked but terminated.
      var host = try fleet.start { $0.heartbeat = .seconds(600) }
      let kernel = try await host.spawn(fleet.request())
      let pid = try #require(kernel.pid)
      // It cannot hear the request, so that the first host leaves in the middle.
      kill(pid, SIGSTOP)
      let first = host
      async let refused = refusal {
        try await first.stop(kernel.id, force: false, timeout: .seconds(60))
      }
      _ = try await fleet.wait(host, kernel.id, for: .stopping)
      try await fleet.drop()
      #expect(await refused?.code == .shuttingDown)
      #expect(isAlive(pid))

      host = try fleet.start()
      #expect(await eventually { !isAlive(pid) })
      var left = await host.kernels()
      while !left.isEmpty { left = await host.kernels() }
      #expect(try await eventually { try KernelFileName.all(in: fleet.directory.path).isEmpty })
    }
  }

  // MARK: Registries that are lost

  /// Starts a kernel with a variable, drops the host, spoils the registry, and looks what the next host has.
  private func survives(_ spoil: (HostFixture) throws -> Void, log expected: String) async throws {
    try await HostFixture.with { fleet in
      let kernel = try await fleet.start().spawn(fleet.request(["language": "python", "name": "alice"]))
      _ = try await fleet.execute(kernel, "x = 'still here'")
      try await fleet.drop()
      try spoil(fleet)
      let host = try fleet.start()
      let again = try await fleet.wait(host, "alice", for: .idle)
      for member in ["uuid", "pid", "port", "labels"] { #expect(again[member] == kernel[member]) }
      #expect(try await fleet.execute(again, "print(x)") == "still here")
      #expect(fleet.log.lines.contains { $0.contains(expected) }, "\(fleet.log.lines)")
      // It has a row again.
      try await fleet.drop()
      #expect(try RegistryDatabase.kernels(at: fleet.directory.database).map(\.id.description) == [kernel.id])
    }
  }

  @Test func kernelsOutliveADamagedRegistry() async throws {
    try await survives(
      { fleet in
        let path = fleet.directory.database
        var bytes = try Data(contentsOf: URL(filePath: path))
        for place in stride(from: 0, to: bytes.count, by: 50) { bytes[place] ^= 0x5A }
        try bytes.write(to: URL(filePath: path))
      }, log: "fleet.db.damaged-")
  }

  @Test func kernelsOutliveADeletedRegistry() async throws {
    try await survives(
      { try FileManager.default.removeItem(atPath: $0.directory.database) }, log: "lives without a row")
  }

  @Test func kernelsOutliveADamagedRow() async throws {
    try await survives(
      { fleet in
        let path = fleet.directory.database
        var bytes = try Data(contentsOf: URL(filePath: path))
        let found = bytes.range(of: Data("\"port\":\(fleet.base)".utf8))
        let port = try #require(found)
        bytes[port.upperBound - 1] ^= 1
        try bytes.write(to: URL(filePath: path))
      }, log: "its checksum is wrong")
  }

  @Test func aKernelThatNobodyCanReachIsEnded() async throws {
    try await HostFixture.with { fleet in
      let kernel = try await fleet.start().spawn(fleet.request())
      try await fleet.drop()
      unlink(fleet.directory.database)
      unlink(fleet.directory.connectionFile(kernel.id))
      let host = try fleet.start()
      let pid = try #require(kernel.pid)
      #expect(await eventually { !isAlive(pid) })
      #expect(await host.kernels().isEmpty)
      #expect(fleet.log.lines.contains { $0.contains("no row accounts for its process \(pid)") })
    }
  }

  @Test func oneHostAtATime() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start()
      let error = try #require(throws: AlreadyRunning.self) { try fleet.start() }
      #expect(error.pid == getpid() && error.directory == fleet.directory.path)
      #expect(await host.counts().total == 0)
      try await fleet.drop()
      // The directory is free as soon as the host says that it has left.
      let next = try fleet.start()
      #expect(await next.counts().total == 0)
    }
  }
}
