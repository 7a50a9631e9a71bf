// Scenario files are read strictly, and errors say where.
import FleetConfiguration
import FleetEngine
import Testing

@testable import PolicyTools

@Suite struct ScenarioReadingTests {
  private func complaint(_ text: String) -> String {
    do {
      _ = try Scenarios.parse(text)
      return ""
    } catch {
      return error.description.replacing("\(Scenarios.folder)/", with: "")
    }
  }

  @Test(arguments: [
    ("duraton = \"1h\"", "test.toml:1: unknown key \"duraton\"; did you mean \"duration\"?"),
    (
      "[[clients]]\narrivals = \"poison(2/s)\"",
      "test.toml:2: \"arrivals\" in [[clients]]: \"poison(2/s)\" says not how"
    ),
    (
      "[[clients]]\narivals = \"constant(2/s)\"",
      "test.toml:2: unknown key \"arivals\" in [[clients]]; did you mean \"arrivals\"?"
    ),
    ("[[clients]]\nname = \"x\"", "test.toml:1: \"arrivals\" in [[clients]]: is missing; write constant(2/s)"),
    ("[[clients]]\narrivals = \"poisson(2)\"", "\"2\" is no rate; write it as 2/s, 30/m, 500/h or 1000/d"),
    (
      "[kernels.default]\nstart = \"uniform(3s, 1s)\"",
      "test.toml:2: \"start\" in [kernels.default]: \"uniform(3s, 1s)\" ends"
    ),
    ("[kernels.default]\nstart = \"gauss(3s, 1s)\"", "is no distribution; write a value, uniform(least, most)"),
    ("[kernels.default]\nstart_failures = 3", "3.0 is no share; write a number from 0 to 1"),
    ("[[faults]]\nat = \"1m\"", "\"kind\" in [[faults]]: is missing; write one of kill, hang, slow"),
    ("[[faults]]\nkind = \"kil\"", "\"kil\" is not known; did you mean \"kill\"?"),
    ("[[faults]]\nkind = \"kill\"", "\"at\" in [[faults]]: is missing; write at = \"10m\", or every"),
    (
      "[[faults]]\nkind = \"kill\"\nat = 0\nkernel = \"first\"",
      "test.toml:4: \"kernel\" in [[faults]]: names no kernel"
    ),
    ("[policies]\nroute = \"nowhere.lua\"", "test.toml:2: \"route\" in [policies]: there is no policy \"nowhere.lua\""),
    ("[pools.x]\nmni = 3", "test.toml:2: unknown key \"mni\" in [pools.x]; did you mean \"min\"?"),
    ("[slo]\nwait = \"soon\"", "\"soon\" is no length of time"),
    (
      "[kernels.pyton]\nstart = \"1s\"\n[[clients]]\nlanguage = \"python\"\narrivals = \"constant(1/s)\"",
      "test.toml:1: \"pyton\" in [kernels]: nothing here is called so; did you mean \"python\"?"
    ),
    ("duration = 0", "must be longer than nothing"),
  ])
  func errorsSayWhatWhereAndWhatToDo(text: String, expected: String) {
    #expect(complaint(text).contains(expected), "\(complaint(text))")
  }

  @Test func everythingIsRead() throws {
    let scenario = try Scenarios.parse(
      """
      name = "all"
      duration = "2h"
      seed = 7
      begins = "8h"
      [policies]
      route = ["round_robin.lua", "least_loaded.lua"]
      [pools.py]
      kernelspec = "python3"
      min = 1
      max = 5
      scale_down_window = "1m"
      [pools.py.limits]
      memory = "200M"
      [host]
      connections = "2s"
      find_timeout = "20s"
      cores = 4
      [kernels.default]
      start = "2s"
      [kernels.python3]
      memory_per_client = "1M"
      [[spawn]]
      count = 3
      language = "lua"
      labels = {team = "a"}
      [[clients]]
      arrivals = "curve(8h 0/h, 9h 60/h)"
      asks = "spawn"
      people = 5
      patience = "10s"
      [[faults]]
      kind = "kill"
      at = "1m"
      kernel = 2
      out_of_memory = true
      """)
    #expect(scenario.name == "all")
    #expect(scenario.seed == 7)
    #expect(scenario.policies[.route]?.map(FilePath.name) == ["round_robin.lua", "least_loaded.lua"])
    let configuration = scenario.engineConfiguration([.route])
    #expect(configuration.findTimeout == .seconds(20))
    #expect(configuration.pools.map(\.name) == ["py"])
    #expect(configuration.pools[0].scaling.downWindow == .seconds(60))
    #expect(scenario.template(of: "py")?.limits.memory == 200 << 20)
    #expect(scenario.template(of: "py")?.language == "python")
    // A section takes what it leaves out from the default.
    #expect(scenario.model(of: scenario.template(of: "py")!).start == .constant(2))
    #expect(scenario.model(of: scenario.template(of: "py")!).memoryPerClient == 1_048_576)
    #expect(scenario.standing[0].specification.labels == ["team": "a"])
    #expect(scenario.clients[0].spawns && scenario.clients[0].stopsKernel)
    #expect(scenario.faults[0].exit.outOfMemory)
    #expect(scenario.faults[0].target == .number(2))
  }

  @Test func aScenarioWithoutAPolicyIsRoutedAsAHostWouldRoute() throws {
    #expect(try Scenarios.parse("").policies[.route]?.map(FilePath.name) == ["least_loaded.lua"])
    #expect(try Scenarios.parse("[policies]\nroute = []").policies[.route] == [])
  }

  @Test func choicesOfPolicies() throws {
    let scenario = try Scenarios.parse("[policies]\nroute = \"round_robin.lua\"")
    let locator = Scenarios.locator
    let share = try Scenarios.policy("panic_mode")
    #expect(try scenario.with(policies: [share], locator: locator).policies[.scale] == [share])
    #expect(try scenario.with(policies: ["route=native"], locator: locator).policies[.route] == [])
    #expect(throws: ToolError.self) { try scenario.with(policies: ["rout=native"], locator: locator) }
    #expect(throws: ConfigurationError.self) { try scenario.with(policies: ["nowhere"], locator: locator) }
    let variants = try scenario.variants(["native", share], locator: locator)
    #expect(variants.map(\.name) == ["native", "panic_mode"])
    #expect(variants[0].scenario.policies[.scale] == [])
    #expect(variants[0].scenario.policies[.route]?.isEmpty == false)
  }

  @Test func scenariosAreFoundByName() throws {
    #expect(try Scenario.find("monday", Scenarios.locator) == "\(Scenarios.folder)/monday.toml")
    #expect(throws: ConfigurationError(.notFound, "there is no scenario \"munday\"; did you mean \"monday\"?")) {
      try Scenario.find("munday", Scenarios.locator)
    }
  }

  @Test(arguments: ["slow_backend", "stale_view", "monday", "flapping", "day"])
  func shippedScenariosAreRead(name: String) throws {
    let scenario = try Scenarios.shipped(name)
    #expect(scenario.summary != nil)
  }
}
