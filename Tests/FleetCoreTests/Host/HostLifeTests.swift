// The ordinary life of kernels, with ipykernel.

import FleetEngine
import Foundation
import JSON
import Synchronization
import Testing

@testable import FleetCore

@Suite struct HostLifeTests {
  @Test func spawnListExecuteStop() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start()
      let kernel = try await host.spawn(
        fleet.request(["language": "python", "name": "alice", "labels": ["team": "a"], "owner": "anna"]))
      #expect(kernel["status"] == "idle" && kernel["name"] == "alice" && kernel["port"] == JSON(fleet.base))
      #expect(kernel["labels"] == ["team": "a"] && kernel["owner"] == "anna" && kernel["restarts"] == 0)
      let uuid = try #require(kernel["uuid"]?.string)
      #expect(kernel.id == "kernel-" + uuid.prefix(8))
      #expect(try await fleet.execute(kernel, "x = 6; print(x * 7)") == "42")
      #expect(try await fleet.execute(kernel, "print(x)") == "6")

      let listed = await host.kernels()
      #expect(listed.count == 1 && listed.first?["uuid"] == kernel["uuid"])
      #expect((listed.first?["memory_mb"]?.double ?? 0) > 10)
      #expect(await host.counts() == (total: 1, active: 1, dead: 0))
      for name in ["alice", uuid, kernel.id, String(fleet.base)] {
        #expect(try await host.kernel(name)["uuid"] == kernel["uuid"], "by \(name)")
      }
      #expect(await eventually { (try? fleet.registryFile())?["kernels"]?[0]?["status"] == "idle" })
      let document = try fleet.registryFile()
      #expect(document["kernels"]?[0]?["pid"] == kernel["pid"] && document["kernels"]?[0]?["name"] == "alice")
      #expect(document["next_port"] == JSON(fleet.base + 5) && document["total_spawned"] == 1)

      let stopped = try await host.stop("alice", force: false, timeout: .seconds(5))
      #expect(stopped["status"] == "stopping")
      // When it is told, nothing is left: no process, no row, no file.
      #expect(!isAlive(try #require(kernel.pid)))
      #expect(await host.kernels().isEmpty)
      #expect(try KernelFileName.all(in: fleet.directory.path).isEmpty)
      await #expect(throws: EngineError(.kernelNotFound, "Kernel not found")) { try await host.kernel("alice") }
      #expect(await eventually { (try? fleet.registryFile())?["kernels"] == [] })
    }
  }

  @Test func aFoundKernelIsOneThatIsThereOrANewOne() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start()
      let (first, why) = try await host.find(fleet.request(["language": "python", "env_vars": ["MINE": "one"]]))
      #expect(why["spawned"] == true && why["answer"] == "spawn python" && why["policy"] == "native.test")
      let (second, because) = try await host.find(fleet.request(["language": "python", "env_vars": ["MINE": "two"]]))
      #expect(second["uuid"] == first["uuid"] && because["spawned"] == false)
      // The variables of a request that got somebody's kernel reach nobody.
      #expect(try await fleet.execute(second, "import os; print(os.environ['MINE'])") == "one")
    }
  }

  @Test func aRestartKeepsWhoItIs() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start()
      let kernel = try await host.spawn(fleet.request(["language": "python", "env_vars": ["KEY": "s3cret"]]))
      #expect(try await fleet.execute(kernel, "x = 1") == "")
      let again = try await host.restart(kernel.id)
      for member in ["id", "uuid", "port", "connection_file"] { #expect(again[member] == kernel[member]) }
      #expect(again["pid"] != kernel["pid"] && again["restarts"] == 1 && again["status"] == "idle")
      #expect(!isAlive(try #require(kernel.pid)))
      let code = "import os; print('x' in globals(), os.environ['KEY'])"
      #expect(try await fleet.execute(again, code) == "False s3cret")
    }
  }

  @Test func anInterruptEndsALoop() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start()
      let kernel = try await host.spawn(fleet.request())
      let begun = fleet.directory.path + "/begun"
      async let looping = fleet.execute(kernel, "open('\(begun)', 'w').close()\nwhile True: pass")
      // ipykernel says that it is busy a little before it lets itself be interrupted.
      #expect(await eventually { fleet.exists(begun) })
      _ = try await host.interrupt(kernel.id)
      #expect(try await looping.contains("KeyboardInterrupt"))
      _ = try await fleet.wait(host, kernel.id, for: .idle)
    }
  }

  /// Else it might stop what the same client sends next.
  @Test func anInterruptIsAnsweredWhenTheKernelHasIt() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start { $0.heartbeat = .seconds(3600) }
      let kernel = try await host.spawn(fleet.request(["kernelspec": "asked"]))
      let pid = try #require(kernel.pid)
      let isAnswered = Atomic<Bool>(false)
      kill(pid, SIGSTOP)
      async let answer = {
        defer { isAnswered.store(true, ordering: .sequentiallyConsistent) }
        return try await host.interrupt(kernel.id)
      }()
      #expect(await eventually { await host.isInterrupting(kernel.id) })
      try await Task.sleep(for: .milliseconds(100))
      let isEarly = isAnswered.load(ordering: .sequentiallyConsistent)
      #expect(!isEarly)
      kill(pid, SIGCONT)
      #expect(try await answer["id"] == kernel["id"])

      kill(pid, SIGSTOP)
      let error = await #expect(throws: EngineError.self) { try await host.interrupt(kernel.id) }
      kill(pid, SIGCONT)
      #expect(error?.code == .timeout)
      #expect(error?.message.contains("did not answer the interrupt request within 5 s") == true)
      // It has that one yet to come.
      _ = try await host.interrupt(kernel.id)
      #expect(try await fleet.execute(kernel, "print(1)") == "1")
    }
  }

  @Test func whoWaitsForAnInterruptOfAKernelThatEndsIsAnswered() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start { $0.heartbeat = .seconds(3600) }
      let kernel = try await host.spawn(fleet.request(["kernelspec": "asked"]))
      let pid = try #require(kernel.pid)
      kill(pid, SIGSTOP)
      async let answer = host.interrupt(kernel.id)
      #expect(await eventually { await host.isInterrupting(kernel.id) })
      kill(pid, SIGKILL)
      #expect(try await answer["id"] == kernel["id"])
    }
  }

  @Test func clientsHaveNamesForAsLongAsTheyLive() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start()
      let kernel = try await host.spawn(fleet.request())
      #expect(try await host.registerClient(kernel.id, name: "me", pid: getpid()) == ["others": 0, "clients": []])
      #expect(try await host.registerClient(kernel.id, name: "init", pid: 1) == ["others": 1, "clients": ["me"]])
      #expect(try await host.kernel(kernel.id)["clients"] == ["init", "me"])
      #expect(await eventually { (try? fleet.registryFile())?["kernels"]?[0]?["clients"] == ["init", "me"] })
      #expect(try await host.removeClient(kernel.id, pid: 1) == ["others": 1, "clients": ["me"]])
      #expect(try await host.kernel(kernel.id)["clients"] == ["me"])
    }
  }

  @Test func aKernelThatEndsAtOnceSaysWhyInPlainText() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start()
      let error = try await #require(throws: EngineError.self) {
        try await host.spawn(fleet.request(["kernelspec": "ends"]))
      }
      #expect(error.code == .startFailed)
      #expect(error.message.hasSuffix("ended before it answered: it exited with code 3; its last words:\nlast words"))
      #expect(await host.kernels().isEmpty)
      #expect(try await eventually { try KernelFileName.all(in: fleet.directory.path).isEmpty })
    }
  }

  @Test func namesThatAreTakenAndNamesThatAreNone() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start()
      _ = try await host.spawn(fleet.request(["language": "python", "name": "alice"]))
      func code(_ members: JSON) async throws -> EngineError.Code? {
        try await #require(throws: EngineError.self) { try await host.spawn(fleet.request(members)) }.code
      }
      #expect(try await code(["language": "python", "name": "alice"]) == .nameTaken)
      #expect(try await code(["language": "python", "name": "kernel-12345678"]) == .badRequest)
      #expect(try await code(["language": "python", "port": JSON(fleet.base + 2)]) == .limit)
      #expect(try await code(["language": "cobol"]) == .kernelspecNotFound)
      #expect(try await code(["language": "python", "config": "none"]) == .configNotFound)
      #expect(await host.kernels().count == 1)
    }
  }
}

extension KernelFileName {
  /// The files of kernels in a fleet directory and its logs.
  static func all(in path: String) throws -> [String] {
    (SmallFile.names(in: path) + SmallFile.names(in: path + "/logs")).filter {
      KernelFileName($0) != nil || $0.contains(".state.db")
    }
  }
}
