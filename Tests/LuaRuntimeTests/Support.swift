// What the tests of this target share.

import LuaRuntime
import Testing

extension LuaState {
  /// Compiles and runs a chunk named `test`.
  @discardableResult
  func run(_ source: String, _ arguments: [LuaValue] = [], deadline: Duration? = nil) throws -> [LuaValue] {
    try call(load(source, name: "test"), arguments, deadline: deadline)
  }

  /// The error that a chunk ends with.
  func failure(of source: String, deadline: Duration? = nil, _ location: SourceLocation = #_sourceLocation) -> LuaError?
  {
    do {
      let results = try run(source, deadline: deadline)
      Issue.record("no error, but \(results)", sourceLocation: location)
    } catch let error as LuaError {
      return error
    } catch {
      Issue.record("\(error)", sourceLocation: location)
    }
    return nil
  }
}
