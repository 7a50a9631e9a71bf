// What one client may take.
import Testing

@testable import FleetServer

@Suite struct LimitTests {
  @Test func `connections are counted by address and together`() {
    var limits = ServerLimits()
    (limits.connections, limits.connectionsOfAddress) = (3, 2)
    let table = ConnectionTable(limits: limits)
    #expect(table.add("a") && table.add("a") && !table.add("a"))
    #expect(table.add("b") && !table.add("c"))
    table.remove("a")
    #expect(table.add("c"))
    for address in ["a", "b", "c"] { table.remove(address) }
    #expect(table.count == 0)
  }

  @Test func `requests are counted by identity`() {
    let count = RequestCount(most: 2)
    #expect(count.begin("alice") && count.begin("alice") && !count.begin("alice"))
    #expect(count.begin("bob"))
    count.end("alice")
    #expect(count.begin("alice"))
  }
}
