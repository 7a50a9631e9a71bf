// Pools, samples, alerts and recorded decisions of a real host with ipykernel.

import FleetConfiguration
import FleetEngine
import Foundation
import JSON
import Synchronization
import Testing

@testable import FleetCore

@Suite struct HostPoolTests {
  private static func pool(_ change: (inout FleetConfiguration.Pool) -> Void = { _ in }) -> FleetConfiguration.Pool {
    var pool = FleetConfiguration.Pool()
    pool.kernelspec = "python3"
    pool.minimum = 1
    pool.maximum = 3
    pool.warm = 1
    pool.labels = ["from": "pool"]
    pool.scaling.interval = .milliseconds(200)
    pool.scaling.downWindow = .milliseconds(500)
    change(&pool)
    return pool
  }

  private func count(_ host: FleetHost, _ member: String) async -> Int {
    await host.pools()["pools"]?[0]?[member]?.int.map { Int($0) } ?? -1
  }

  private func reach(_ limit: Duration = .seconds(30), _ condition: () async throws -> Bool) async throws -> Bool {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
      if ContinuousClock.now > deadline { return false }
      try await Task.sleep(for: .milliseconds(20))
    }
    return true
  }

  @Test func aPoolHasKernelsReadyGrowsAndShrinksButNotUnderClients() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start { setup in
        setup.configuration.pools = ["py": Self.pool()]
        setup.configuration.metrics.interval = .milliseconds(200)
      }
      #expect(try await reach { await count(host, "free") == 1 })
      let ready = try #require(await host.kernels().first)
      #expect(ready["pool"] == "py" && ready["labels"] == ["from": "pool"] && ready["claimed"] == false)
      // A client that names the pool gets it, and another one is made ready.
      let (taken, isTaken) = try await host.spawnOrTake(fleet.request(["pool": "py", "name": "mine"]))
      #expect(isTaken && taken["uuid"] == ready["uuid"] && taken["claimed"] == true && taken["name"] == "mine")
      #expect(try await fleet.execute(taken, "x = 1") == "")
      #expect(try await reach { await count(host, "free") == 1 })
      // One that brings an environment of its own gets a new one.
      let (other, isOtherTaken) = try await host.spawnOrTake(fleet.request(["pool": "py", "env_vars": ["A": "b"]]))
      #expect(!isOtherTaken && other["uuid"] != ready["uuid"])
      _ = try await host.stop(other.id, force: true, timeout: .zero)
      #expect(try await fleet.execute(taken, "print(x)") == "1")

      let explained = try await host.decisions(DecisionQuery())
      let scaled = try #require(explained["decisions"]?.array?.first { $0["entry"] == "scale" })
      #expect(scaled["about"] == "py" && scaled["answer"]?.string?.contains("kernel") == true)
      let id = try #require(scaled["id"]?.string)
      let whole = try await host.decision(id)
      #expect(whole["decision"]?["question"]?["name"] == "py" && whole["decision"]?["id"] == .string(id))
      #expect(try await host.trace(from: 0, to: .max)["format"] == "fleet-trace-1")
    }
  }

  @Test func aHostThatStopsItsKernelsMakesNoNewOnes() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start { $0.configuration.pools = ["py": Self.pool { $0.warm = 2 }] }
      #expect(try await reach { await count(host, "free") == 2 })
      try await fleet.drop(kernels: true)
      #expect(try RegistryDatabase.kernels(at: fleet.directory.database).isEmpty)
    }
  }

  @Test func aPoolThatCannotStartSaysWhy() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start { $0.configuration.pools = ["py": Self.pool { $0.kernelspec = "pyhton" }] }
      #expect(try await reach { await host.pools()["pools"]?[0]?["problem"]?.string?.contains("pyhton") == true })
      let error = await refusal { try await host.spawn(fleet.request(["pool": "pie"])) }
      #expect(error == EngineError(.badRequest, "there is no pool 'pie'; there are py"))
    }
  }

  @Test func policiesSeeWhatKernelsUseAndTheirAlertsAreShown() async throws {
    try await HostFixture.with { fleet in
      let seen = Latest<KernelRow>()
      fleet.policies.wanted.withLock { $0 = [.alert] }
      fleet.policies.answer.withLock { answer in
        answer = { question in
          guard question.entry == .alert, let row = seen.value, row.memory != nil else {
            return PolicyAnswer(answer: .alert([]), policy: "test")
          }
          let condition = AlertCondition(name: "Runs", kernel: row.uuid, summary: "it runs")
          return PolicyAnswer(answer: .alert([condition]), policy: "test")
        }
      }
      fleet.policies.seen.withLock { $0 = { seen.set($0) } }
      let host = try fleet.start { setup in
        setup.configuration.alerts.interval = .milliseconds(100)
        setup.configuration.metrics.interval = .milliseconds(100)
      }
      let kernel = try await host.spawn(fleet.request())
      #expect(try await reach { seen.value?.cpu != nil && (seen.value?.memory ?? 0) > 10 << 20 })
      #expect(try await reach { await host.alerts()["alerts"]?[0]?["state"] == "firing" })
      let alert = await host.alerts()["alerts"]?[0]
      // It is nobody's kernel, and so nothing for one owner.
      #expect(await host.alerts(as: Viewer(owner: "bob")) == ["alerts": []])
      #expect(alert?["name"] == "Runs" && alert?["kernel"] == kernel["id"] && alert?["resolved_at"] == .null)
      // ipykernel is connected to itself, and nobody else is.
      #expect(try await host.kernel(kernel.id)["connections"] == 0)
    }
  }

  @Test func anAnswerThatCannotBeCarriedOutIsAFailureOfItsPolicy() async throws {
    try await HostFixture.with { fleet in
      fleet.policies.answer.withLock { answer in
        answer = { _ in PolicyAnswer(answer: .route(.use("nobody")), policy: "/p/route.lua") }
      }
      let host = try fleet.start()
      let (_, decision) = try await host.find(fleet.request())
      #expect(decision["fallback"] == true && decision["id"] == "1-1")
      #expect(fleet.policies.blamed.withLock { $0 } == ["/p/route.lua"])
    }
  }
}

/// The last of values that come from another thread.
final class Latest<Value: Sendable>: Sendable {
  private let kept = Mutex<Value?>(nil)

  var value: Value? { kept.withLock { $0 } }

  func set(_ value: Value) { kept.withLock { $0 = value } }
}
