// Scenarios for tests: those that ship with the program, and small ones written here.
import FleetConfiguration
import FleetEngine
import Glibc

@testable import PolicyTools

enum Scenarios {
  /// The root of the package.
  static let root: String = {
    var path = FilePath.directory(of: #filePath)
    for _ in 1...3 { path = FilePath.directory(of: path) }
    return path
  }()

  static let locator = Locator(fleetDirectory: "/nonexistent", sharedDirectory: root)
  static let folder = "\(root)/policies/scenarios"

  static func shipped(_ name: String) throws -> Scenario {
    try Scenario.load("\(folder)/\(name).toml", locator: locator)
  }

  /// A scenario that stands where the shipped ones do, so that their policies are beside it.
  static func parse(_ text: String) throws(ConfigurationError) -> Scenario {
    try Scenario.parse(text, file: "\(folder)/test.toml", locator: locator)
  }

  /// The reports of the scenario with each of these policies: the scenarios' own, those of the library, or `native`.
  static func compare(_ scenario: Scenario, _ policies: String...) throws -> [SimulationReport] {
    try scenario.variants(policies, locator: locator).map { try Simulator.run($0.scenario).report }
  }

  /// The file of a policy of the library, or of the scenarios.
  static func policy(_ name: String) throws -> String { try locator.find(name, .policy, from: folder) }
}

/// A directory for the files of one test.
struct TemporaryFiles {
  let path: String

  init() throws {
    var template = Array("/tmp/fleet-simulate-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw ValueError("no temporary directory") }
    path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }

  @discardableResult func write(_ name: String, _ text: String) throws -> String {
    guard let file = fopen("\(path)/\(name)", "w") else { throw ValueError("\(name) cannot be written") }
    defer { fclose(file) }
    fputs(text, file)
    return "\(path)/\(name)"
  }

  func remove() {
    for name in FilePath.entries(of: path) { unlink("\(path)/\(name)") }
    rmdir(path)
  }
}
