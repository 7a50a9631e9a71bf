// Other policies than those that a scenario names.
import FleetConfiguration
import FleetEngine
import PolicyHost

extension Scenario {
  /// The word that stands for the host's own rules.
  public static let native = "native"

  /// The same clients, kernels and faults with other policies.
  /// - Parameter choices: `route=FILE` for one entry point, `FILE` for all that it has functions for, `route=native` for
  ///   the host's own rule. Names are looked up from the working directory, then beside the scenario, then as those of
  ///   `fleet.toml`.
  /// - Throws: `ToolError` if a choice is none; `PolicyError` if a file is no policy.
  public func with(policies choices: [String], locator: Locator) throws -> Scenario {
    var scenario = self
    for choice in choices {
      for (entry, paths) in try paths(of: choice, locator) { scenario.policies[entry] = paths }
    }
    return scenario
  }

  /// The scenario once for each choice. What one of them has a policy for, the others are without.
  /// - Parameter choices: as those of `with`; `native` alone has no policies at all where the others have.
  public func variants(_ choices: [String], locator: Locator) throws -> [(name: String, scenario: Scenario)] {
    var chosen: [[EntryPoint: [String]]] = []
    for choice in choices { chosen.append(choice == Self.native ? [:] : try paths(of: choice, locator)) }
    let contested = Set(chosen.flatMap(\.keys))
    return zip(choices, chosen).map { choice, paths in
      var scenario = self
      for entry in contested { scenario.policies[entry] = paths[entry] ?? [] }
      let name = FilePath.name(of: choice)
      return (name.hasSuffix(".lua") ? String(name.dropLast(4)) : name, scenario)
    }
  }

  private func paths(of choice: String, _ locator: Locator) throws -> [EntryPoint: [String]] {
    let parts = choice.split(separator: "=", maxSplits: 1).map(String.init)
    guard parts.count == 2 else {
      return try PolicyPanel.paths(of: [try find(policy: choice, locator)])
    }
    guard let entry = EntryPoint(rawValue: parts[0]) else {
      let entries = EntryPoint.allCases.map(\.rawValue)
      throw ToolError(
        "\"\(parts[0])\" in \"\(choice)\" is no entry point"
          + NearestName.hint(for: parts[0], among: entries, what: "there are"))
    }
    return [entry: parts[1] == Self.native ? [] : [try find(policy: parts[1], locator)]]
  }

  private func find(policy name: String, _ locator: Locator) throws(ConfigurationError) -> String {
    for path in [FilePath.absolute(name), FilePath.resolve(name, against: directory)].flatMap({ [$0, $0 + ".lua"] }) {
      if TextFile.exists(path) { return path }
    }
    return try locator.find(name, .policy)
  }
}

extension Scenario {
  /// The file that a name stands for: a path, or a scenario that ships with the program.
  /// - Throws: `ConfigurationError` with the places where it was looked for.
  public static func find(_ name: String, _ locator: Locator) throws(ConfigurationError) -> String {
    let folders = ([locator.fleetDirectory] + [locator.sharedDirectory].compactMap { $0 }).map {
      "\($0)/policies/scenarios"
    }
    for place in [FilePath.absolute(name)] + folders.map({ "\($0)/\(name)" }) {
      for path in [place, place + ".toml"] where TextFile.exists(path) { return path }
    }
    let known = folders.flatMap { FilePath.entries(of: $0) }.filter { $0.hasSuffix(".toml") }.map {
      String($0.dropLast(5))
    }
    let hint = NearestName.hint(for: name, among: known, what: "there are")
    throw ConfigurationError(.notFound, "there is no scenario \"\(name)\"\(hint)")
  }
}
