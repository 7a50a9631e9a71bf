// The policies of a run: each is read once, and counted over all fixtures that ask it.

import FleetConfiguration
import PolicyHost

struct PolicyTexts {
  /// Whether lines and branches are counted.
  var counts = false
  private var texts: [String: [UInt8]] = [:]
  private var counters: [String: CoverageCounter] = [:]

  mutating func set(_ path: String, _ text: [UInt8]) { texts[path] = text }

  /// The policy, loaded once so that a file that is no policy is one complaint and not one for each test.
  /// - Parameter fixture: for the message when there is no such policy.
  mutating func policy(_ path: String, for fixture: String) throws -> PolicyUnderTest {
    let policy = try counted(path, text(path, for: fixture))
    do throws(PolicyError) { try policy.loaded() } catch {
      // Some complaints are about the whole file and name no line.
      let isPlaced = error.description.hasPrefix(policy.name)
      throw ToolError(isPlaced ? error.description : "\(policy.name): \(error.description)")
    }
    policy.begin()
    return policy
  }

  private mutating func counted(_ path: String, _ text: [UInt8]) -> PolicyUnderTest {
    guard counts else { return PolicyUnderTest(path: path, text: text) }
    guard let counter = counters[path] ?? CoverageCounter(path: path, text: text) else {
      return PolicyUnderTest(path: path, text: text)  // not Lua, as loading it will say
    }
    counters[path] = counter
    return PolicyUnderTest(path: path, text: counter.text, probe: { counter.hit($0) })
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

  /// Of the policies that were asked, and of others that no fixture is about.
  mutating func coverage(of policies: [String]) -> [PolicyCoverage] {
    for path in policies where counters[path] == nil {
      if let text = try? text(path, for: path) { counters[path] = CoverageCounter(path: path, text: text) }
    }
    return counters.values.map(\.result).sorted { $0.policy < $1.policy }
  }
}

/// Counts what ran of one policy, over all the states in which it ran.
final class CoverageCounter {
  private let path: String
  private var coverage: LuaCoverage

  /// Nil if the text is not Lua.
  init?(path: String, text: [UInt8]) {
    let file = AuthorFile(path: path, text: String(decoding: text, as: UTF8.self))
    guard let instrumented = try? Instrumented(file) else { return nil }
    self.path = path
    coverage = LuaCoverage(instrumented)
  }

  var text: [UInt8] { Array(coverage.instrumented.text.utf8) }

  func hit(_ probe: Int) { coverage.hit(probe) }

  var result: PolicyCoverage {
    let (lines, branches) = (coverage.lines, coverage.branches)
    return PolicyCoverage(
      policy: path, lines: .init(lines.count { $0.hits > 0 }, of: lines.count),
      branches: .init(branches.reduce(0) { $0 + $1.outcomesTaken }, of: 2 * branches.count),
      missedLines: lines.filter { $0.hits == 0 }.map(\.number),
      missedBranches: branches.flatMap { branch in
        branch.missing.map { "\(branch.branch.position.line): \($0)" }
      })
  }
}
