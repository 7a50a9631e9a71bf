// A host that cannot open anything any more.
import FleetClient
import Foundation
import JSON
import Testing

extension FaultTests {
  @Suite struct Descriptors {
    /// libdispatch looks at its threads once a second when they have much to do, by opening files.
    @Test func `a host without a descriptor to spare answers those that are connected`() async throws {
      try await FaultFleet.with { fleet in
        try fleet.up()
        let kernel = try fleet.spawn("before")
        // Each keeps its connection.
        let clients = (0..<24).map { _ in fleet.client() }
        for client in clients { _ = try client.kernels() }
        try fleet.limitDescriptors(toMore: 0)
        let before = try FleetProcess.processorTime(of: fleet.hostPid)
        #expect(throws: FleetClientError.self, "somebody still gets in") {
          try fleet.client().health(timeout: .seconds(2))
        }
        let used = try FleetProcess.processorTime(of: fleet.hostPid) - before
        #expect(used < .milliseconds(500), "it does not rest while somebody waits: \(used)")
        // The host cannot say so itself.
        let told = #expect(throws: Problem.self) { try fleet.command("doctor") }
        #expect("\(told as Any)".contains("it can open hardly any more"), "\(told as Any)")
        let end = ContinuousClock.now + .seconds(5)
        let crew = Crew()
        for (number, client) in clients.enumerated() {
          nonisolated(unsafe) let client = client
          crew.start("client \(number)") {
            while ContinuousClock.now < end {
              let row = KernelRow(try client.kernel(kernel.id)["kernel"] ?? .null)
              if row.pid != kernel.pid { throw Problem("the kernel is \(row)") }
            }
          }
        }
        let problems = crew.wait()
        #expect(problems.isEmpty, "\(problems)")
        #expect(fleet.hasEnded() == nil)
        // It has room again, and works as before.
        try fleet.limitDescriptors(to: 1024)
        let later = try fleet.spawn("after")
        #expect(try fleet.execute("return 6 * 7", connectionFile: later.connectionFile) == "42")
      }
    }
  }
}
