// Runs the tests of a Lua fixture, in a sandbox of their own.

import LuaRuntime
import PolicyHost

/// A fixture file in Lua. It shares nothing with the policy but the values that go to and fro.
struct LuaFixture {
  let file: AuthorFile
  let policy: PolicyUnderTest

  /// Generous: these limits are against mistakes.
  private static let limits = LuaConfiguration(
    library: .sandboxed, memoryLimit: 256 << 20, contiguousLimit: 64 << 20, seed: 1)
  static let patience = Duration.seconds(30)

  /// - Parameter selects: whether a test is to be run, by its names.
  func run(_ selects: ([String]) -> Bool) -> FixtureReport {
    var report = FixtureReport(path: file.path, policy: policy.path)
    do throws(LuaError) {
      let (text, assertions) = rewritten
      let state = try LuaState(Self.limits)
      try LuaFixtureHost(policy: policy, assertions: assertions).register(in: state)
      let prelude = try state.module(state.load(FixturePrelude.text, name: "fixtures"), deadline: Self.patience)
      try state.setGlobal("__host", .nil)
      guard let list = try prelude.function("list"), let run = try prelude.function("run") else {
        preconditionFailure("the prelude returns list and run")
      }
      try state.call(state.load(text, name: file.name), deadline: Self.patience)
      for (index, test) in try Self.tests(state.call(list)).enumerated() where selects(test.name) {
        report.tests.append(
          result(of: test, assertions) { () throws(LuaError) in
            try state.call(run, [.integer(Int64(index + 1))], deadline: Self.patience)
          })
      }
    } catch {
      let failure = Failures.describe(error, file)
      report.problem = "\(failure.place): \(failure.summary)"
    }
    return report
  }

  /// The text with sites; as it is where it is not Lua: then the compiler says so in the words that people know.
  private var rewritten: (text: String, assertions: [LuaAssertion]) {
    guard let found = try? LuaAssertions(file) else { return (file.text, []) }
    return (found.text, found.assertions)
  }

  private struct Listed {
    let name: [String]
    let line: Int
  }

  private static func tests(_ results: [LuaValue]) -> [Listed] {
    (results.first?.table?.array ?? []).map { test in
      Listed(
        name: test.table?["names"]?.table?.array.compactMap(\.text) ?? [],
        line: Place(test.table?["where"]?.text ?? "").line)
    }
  }

  private func result(
    of test: Listed, _ assertions: [LuaAssertion], _ body: () throws(LuaError) -> [LuaValue]
  ) -> TestResult {
    var result = TestResult(name: test.name, line: test.line)
    let clock = ContinuousClock()
    let start = clock.now
    do throws(LuaError) { _ = try body() } catch {
      result.failure = Failures.describe(error, file, assertions, testLine: test.line)
    }
    result.duration = clock.now - start
    result.log = policy.logged
    return result
  }
}
