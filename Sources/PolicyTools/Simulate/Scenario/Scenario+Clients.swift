// The part of a scenario file that is about clients: when they come, what they want, and what they do with a kernel.
import FleetConfiguration
import FleetEngine

private enum Asking: String, CaseIterable { case find, spawn }

extension TableReader {
  /// `[[clients]]`.
  mutating func client(_ scenario: Scenario) throws(ConfigurationError) -> ClientModel {
    let name = try string("name") ?? "clients \(scenario.clients.count + 1)"
    let directory = FilePath.directory(of: file)
    let arrivals = try parsed("arrivals") { text throws(ValueError) in
      try Arrivals.parse(text) { path throws(ValueError) in
        try ArrivalTrace.read(FilePath.resolve(path, against: directory))
      }
    }
    guard let arrivals else { throw missing("arrivals", "write \(Arrivals.forms)") }
    let wanted = try wanted()
    var client = ClientModel(
      name: name, arrivals: arrivals, begin: 0, end: scenario.duration, specification: try specification(wanted))
    client.requirements = wanted
    client.begin = try time("from") ?? client.begin
    client.end = min(try time("until") ?? client.end, scenario.duration)
    client.count = try integer("count", in: 0...1_000_000_000) ?? client.count
    client.people = try integer("people", in: 1...1_000_000_000) ?? client.people
    client.executions =
      try distribution("executions", Quantity.number, "uniform(1, 20)") ?? client.executions
    client.length = try times("length")
    client.think = try times("think") ?? client.think
    client.service = try times("service") ?? client.service
    client.timeout = try time("timeout")
    client.patience = try time("patience")
    client.spawns = try word("asks", Asking.self) == .spawn
    client.stopsKernel = try bool("stops_kernel") ?? client.spawns
    try finish()
    return client
  }
}
