// A pool of real kernels grows under load and shrinks after its window; nobody who is connected loses a kernel.
import Foundation
import JSON
import Testing

extension EndToEnd {
  @Suite struct Pools {
    private static let configuration = """
      [metrics]
      interval = "200ms"
      [pools.small]
      language = "lua"
      min = 1
      max = 8
      warm = 2
      interval = "200ms"
      scale_down_window = "1s"
      """

    private func pool(_ fleet: FleetFixture) async throws -> JSON {
      try #require(try await fleet.document("pools")["pools"]?[0])
    }

    private func poolKernels(_ fleet: FleetFixture) async throws -> [JSON] {
      (try await fleet.document("list")["kernels"]?.array ?? []).filter { $0["pool"] == "small" }
    }

    @Test func `it grows, shrinks after its window, and ends no kernel with a client`() async throws {
      try await FleetFixture.with(configuration: Self.configuration) { fleet in
        try await fleet.ok("up")
        try await eventually("two warm kernels") { try await pool(fleet)["free"]?.int == 2 }
        // Five people with a session each: five kernels in use, and two warm ones beside them.
        var sessions: [RunningCommand] = []
        for number in 0..<5 {
          let found = try await fleet.document("find", "--session", "s\(number)", "--language", "lua")
          let id = try #require(found["kernel"]?["id"]?.string)
          let session = try fleet.start("connect", id)
          session.send("x = \(number)\n")
          sessions.append(session)
          try await eventually("the client to be seen") { (try await fleet.kernel(id)["connections"]?.int ?? 0) > 0 }
        }
        try await eventually("warm kernels beside the used ones") {
          let view = try await pool(fleet)
          return (view["free"]?.int ?? 0) >= 2 && (view["used"]?.int ?? 0) >= 1
        }
        let most = try await poolKernels(fleet).count
        #expect(most >= 3 && most <= 8)
        let used = Set(try await poolKernels(fleet).filter { ($0["connections"]?.int ?? 0) > 0 }.map { $0["id"] })
        // Four go; what they leave is needless after the window.
        for session in sessions.dropFirst() {
          session.send("", andClose: true)
          #expect(try await session.finish().code == 0)
        }
        try await eventually("the pool to shrink to the one that is used and two warm ones") {
          try await poolKernels(fleet).count == 3
        }
        let left = try await poolKernels(fleet)
        let connected = left.filter { ($0["connections"]?.int ?? 0) > 0 }
        #expect(connected.count == 1 && used.isSuperset(of: connected.map { $0["id"] }))
        sessions[0].send("print('still', x)\n", andClose: true)
        let last = try await sessions[0].finish()
        #expect(last.code == 0 && last.output.contains("still\t0"), "\(last)")
        // Every change of the number is told, with the reason.
        let told = try await fleet.ok("policy", "explain")
        #expect(told.contains("scale") && told.contains("warm"), "\(told)")
      }
    }

    @Test func `a spawn that a warm kernel satisfies takes it, and the pool makes another`() async throws {
      try await FleetFixture.with(configuration: Self.configuration) { fleet in
        try await fleet.ok("up")
        try await eventually("two warm kernels") { try await pool(fleet)["free"]?.int == 2 }
        let warm = Set(try await poolKernels(fleet).map { $0["id"]?.string })
        try await fleet.ok("spawn", "--pool", "small", "--name", "mine")
        let mine = try await fleet.kernel("mine")
        #expect(warm.contains(mine["id"]?.string) && mine["claimed"] == true)
        try await eventually("another warm kernel") { try await pool(fleet)["free"]?.int == 2 }
        // What was claimed stays claimed when the host is gone.
        try await fleet.killHost()
        try await fleet.ok("up")
        #expect(try await fleet.kernel("mine")["claimed"] == true)
        try await eventually("the pool to know its kernels") { try await pool(fleet)["free"]?.int == 2 }
      }
    }

    @Test func `more than the maximum is refused`() async throws {
      let configuration = "[pools.tiny]\nlanguage = \"lua\"\nmax = 1\n"
      try await FleetFixture.with(configuration: configuration) { fleet in
        try await fleet.ok("spawn", "--pool", "tiny", "--name", "first")
        let refused = try await fleet.fleet("spawn", "--pool", "tiny")
        #expect(refused.code == 4 && refused.errors.contains("maximum of 1 kernel"), "\(refused)")
        let unknown = try await fleet.fleet("spawn", "--pool", "tyni")
        #expect(unknown.code != 0 && unknown.errors.contains("tiny"), "\(unknown)")
      }
    }
  }
}
