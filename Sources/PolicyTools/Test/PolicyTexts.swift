// The policies of a run: each is read once, and counted over all fixtures that ask it.

import FleetConfiguration
import PolicyHost

struct PolicyTexts {
  /// Whether lines and branches are counted.
  var counts = false
  private var texts: [String: [UInt8]] = [:]

  mutating func set(_ path: String, _ text: [UInt8]) { texts[path] = text }

  /// The policy, loaded once so that a file that is no policy is one complaint and not one for each test.
  /// - Parameter fixture: for the message when there is no such policy.
  mutating func policy(_ path: String, for fixture: String) throws -> PolicyUnderTest {
    let text = try text(path, for: fixture)
    let policy = PolicyUnderTest(path: path, text: text)
    try policy.loaded()
    policy.begin()
    return policy
  }

  private mutating func text(_ path: String, for fixture: String) throws -> [UInt8] {
    if let text = texts[path] { return text }
    guard TextFile.exists(path) else {
      throw ToolError("\(fixture) tests \(path), which is not there; a fixture is named after its policy")
    }
    let text = Array(try TextFile.read(path).utf8)
    texts[path] = text
    return text
  }

  func coverage(of policies: [String]) -> [PolicyCoverage] { [] }
}
