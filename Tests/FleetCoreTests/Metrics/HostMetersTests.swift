// What is counted, and that it stays bounded.

import FleetEngine
import Foundation
import JSON
import Testing

@testable import FleetCore

@Suite struct HostMetersTests {
  @Test func durationsFallIntoTheFirstBucketThatHoldsThem() {
    let histogram = Histogram([0.1, 1, 10])
    for seconds in [0, 0.1, 0.100_001, 1, 5, 10, 11, -3, .infinity, .nan] { histogram.record(seconds: seconds) }
    let snapshot = histogram.snapshot
    #expect(snapshot.counts == [3, 2, 2, 2] && snapshot.count == 9)
    #expect(snapshot.sum > 1e9 - 1 && snapshot.sum < 1e9 + 30)
  }

  @Test func nothingIsLostWhenManyRecordAtOnce() async {
    let meters = HostMeters()
    await withTaskGroup { group in
      for task in 0..<8 {
        group.addTask {
          for index in 0..<5000 {
            meters.spawn.record(.milliseconds(index % 100))
            meters.httpRequest(route: "/kernels/\(task % 2)", method: "GET", status: 200, seconds: 0.001)
            meters.message(channel: .iopub, direction: .fromKernel)
            meters.websocketOpened()
            if index % 2 == 0 { meters.websocketClosed() }
          }
        }
      }
    }
    #expect(meters.spawn.snapshot.count == 40_000)
    #expect(meters.requests.readings.map(\.statuses) == [[0, 20_000, 0, 0, 0], [0, 20_000, 0, 0, 0]])
    #expect(meters.requests.readings.allSatisfy { $0.durations.count == 20_000 })
    #expect(meters.messages.value(.init(channel: .iopub, direction: .fromKernel)) == 40_000)
    #expect(meters.websockets == 40_000 && meters.openWebsockets == 20_000)
  }

  @Test func clientsCannotMakeMoreSeries() {
    let meters = HostMeters()
    for index in 0..<1000 {
      meters.httpRequest(route: "/\(index)", method: "M\(index)", status: index, seconds: 0)
      meters.httpRequest(route: nil, method: "GET", status: 404, seconds: 0)
    }
    let readings = meters.requests.readings
    #expect(readings.count <= RequestMeters.mostMeters + 1)
    #expect(readings.flatMap(\.statuses).reduce(0, +) == 2000)
    let unmatched = readings.first { $0.key.route == RequestMeters.unmatched }
    #expect(unmatched?.key.method == "GET" && unmatched?.statuses == [0, 0, 0, 1000, 0])
    #expect(Set(readings.map(\.key.method)) == ["GET", RequestMeters.other])
  }

  @Test func theLifeOfAKernelIsCounted() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start()
      let kernel = try await host.spawn(fleet.request())
      #expect(try await fleet.execute(kernel, "import time; time.sleep(1); print(1)") == "1")
      let meters = host.meters
      #expect(meters.spawns.value == 1 && meters.spawn.snapshot.count == 1)
      #expect(meters.spawn.snapshot.sum > 0.01)
      #expect(await eventually { meters.execute.snapshot.sum > 0.2 })
      let seen = try #require(await host.engine.kernels.values.first)
      #expect(await host.busyTime(seen) > .milliseconds(200))

      kill(try #require(kernel.pid), SIGKILL)
      #expect(await eventually { meters.deaths.value(.signal) == 1 })
      #expect(await eventually(within: .seconds(30)) { meters.restarts.value == 1 })
      #expect(meters.spawn.snapshot.count == 1 && meters.deaths.value(.exitCode) == 0)

      await #expect(throws: EngineError.self) { try await host.spawn(fleet.request(["kernelspec": "ends"])) }
      #expect(meters.deaths.value(.exitCode) == 1 && meters.failures.value == 1)
      _ = try await host.find(fleet.request())
      #expect(meters.decisions.value(.init(entry: .route, decider: .policy)) == 1)
      #expect(meters.policy[.route]?.snapshot.count == 1)
      _ = try await host.stop(kernel.id, force: false, timeout: .seconds(5))
      // What somebody asked for is no death.
      #expect(meters.deaths.all.map(\.value).reduce(0, +) == 2)
    }
  }
}
