// Conditions of data tests: expressions in Lua over what is there at a time.

import FleetConfiguration
import LuaRuntime

/// The conditions of one test, compiled.
final class DataConditions {
  private let file: AuthorFile
  private let assertions: [LuaAssertion]
  private let state: LuaState
  private let module: LuaModule
  private let conditions: [DataCondition]

  /// What an expression may name.
  private static let names = "now, fleet, kernel, alerts, pools"

  /// - Throws: `ConfigurationError` if one is no expression, with its place.
  init(_ conditions: [DataCondition], _ file: AuthorFile, _ policy: PolicyUnderTest) throws {
    self.file = file
    self.conditions = conditions
    var text = "return { "
    for (index, condition) in conditions.enumerated() {
      do throws(LuaSyntaxError) { _ = try LuaChunk("return \(condition.text)", name: file.name) } catch {
        throw ConfigurationError(
          .badValue, "\"\(condition.text)\" is no expression: \(error.message)", file: file.path,
          at: condition.position)
      }
      text += "c\(index) = function(\(Self.names)) assert(\(condition.text)) end,\n"
    }
    let found = try LuaAssertions(AuthorFile(path: file.path, text: text + "}"))
    assertions = found.assertions
    state = try LuaState(LuaConfiguration(library: .sandboxed, memoryLimit: 256 << 20, contiguousLimit: 64 << 20))
    try LuaFixtureHost(policy: policy, assertions: assertions).register(in: state)
    try state.call(state.load(FixturePrelude.text, name: "fixtures"))
    module = try state.module(state.load(found.text, name: file.name))
  }

  /// - Parameter values: of the names, in their order.
  /// - Returns: Nil if the condition holds.
  func failure(_ index: Int, _ values: [LuaValue]) -> TestFailure? {
    do throws(LuaError) {
      guard let function = try module.function("c\(index)") else { return nil }
      try state.call(function, values, deadline: .seconds(5))
      return nil
    } catch {
      var failure = Failures.describe(error, file, assertions)
      failure.place = "\(file.name):\(conditions[index].position.line)"
      failure.expression = conditions[index].text
      return failure
    }
  }
}
