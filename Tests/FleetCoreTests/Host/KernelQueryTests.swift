// Pages and filters of lists.
import FleetEngine
import Foundation
import JSON
import Testing

@testable import FleetCore

@Suite struct KernelQueryTests {
  private func kernel(_ change: (inout Kernel) -> Void = { _ in }) -> Kernel {
    var kernel = Kernel.complete()
    kernel.status = .idle
    kernel.isDraining = false
    change(&kernel)
    return kernel
  }

  private func accepts(_ kernel: Kernel, _ change: (inout KernelQuery) -> Void) -> Bool {
    var query = KernelQuery()
    change(&query)
    return query.accepts(kernel)
  }

  @Test func eachFilterTakesWhatFits() {
    let one = kernel()
    #expect(accepts(one) { _ in })
    #expect(accepts(one) { $0.statuses = [.busy, .idle] } && !accepts(one) { $0.statuses = [.busy] })
    #expect(accepts(one) { $0.language = "python" } && !accepts(one) { $0.language = "lua" })
    #expect(accepts(one) { $0.pool = "python" } && !accepts(one) { $0.pool = "other" })
    #expect(accepts(one) { $0.owner = "anna" } && !accepts(one) { $0.owner = "" })
    #expect(accepts(one) { $0.name = "alice-1" } && !accepts(one) { $0.name = "alice" })
    #expect(accepts(one) { $0.labels = ["team": "α"] } && !accepts(one) { $0.labels = ["team": "β"] })
    #expect(!accepts(one) { $0.labels = ["team": "α", "no": ""] })
    #expect(accepts(one) { $0.after = 0 } && !accepts(one) { $0.after = 1 })
    // As people see it.
    let retiring = kernel { $0.isDraining = true }
    #expect(accepts(retiring) { $0.statuses = [.stopping] } && !accepts(retiring) { $0.statuses = [.idle] })
  }

  @Test func pagesAddUpAlsoWhenKernelsGoInBetween() async throws {
    try await HostFixture.with { fleet in
      let host = try fleet.start()
      for number in 1...4 {
        _ = try await host.spawn(fleet.request(["language": "python", "name": .string("k\(number)")]))
      }
      var query = KernelQuery()
      query.limit = 2
      let first = await host.kernels(query)
      #expect(first.kernels.map { $0["name"]?.string } == ["k1", "k2"])
      query.after = try #require(first.next)
      // The one that the next page begins behind goes.
      _ = try await host.stop("k2", force: true, timeout: .seconds(1))
      let second = await host.kernels(query)
      #expect(second.kernels.map { $0["name"]?.string } == ["k3", "k4"] && second.next == nil)
      query.after = 0
      query.limit = 3
      #expect(await host.kernels(query).next == nil)
      #expect(await host.kernels(query, as: Viewer(owner: "nobody")).kernels.isEmpty)
    }
  }
}
