// `state`: what it keeps, for how long, and what it refuses.
import Glibc
import JupyterProtocol
import LuaRuntime
import Testing

@testable import LuaKernel

@Suite struct StateTests {
  @Test func survivesKillAndRestart() throws {
    try withTemporaryDirectory { directory in
      try withKernel(in: directory) { kernel, client in
        _ = try client.show("state.set('a', {1, 2, x = {y = 2.5}}) state.set('b', 'text\\0bytes') state.set('c', true)")
        _ = try client.show("state.set('gone', 1) state.delete('gone')")
        kernel.process.signal(SIGKILL)
        #expect(try kernel.process.end() == -SIGKILL)
      }
      try withKernel(in: directory) { _, client in
        #expect(try client.value("state.get('a')") == "{ 1, 2, x = { y = 2.5 } }")
        #expect(
          try client.value("#state.get('b'), state.get('c'), math.type(state.get('a')[1])") == "10\ttrue\tinteger")
        #expect(try client.value("state.keys()") == #"{ "a", "b", "c" }"#)
        #expect(try client.value("state.keys('b')") == #"{ "b" }"#)
        #expect(try client.value("state.get('gone'), state.get('gone', 7)") == "nil\t7")
        _ = try client.show("state.clear()")
        #expect(try client.value("#state.keys()") == "0")
      }
      var status = stat()
      #expect(stat(directory + "/kernel.state.db", &status) == 0)
      #expect(status.st_mode & 0o077 == 0)
    }
  }

  @Test func aFieldIsNotWhatIsKept() throws {
    try withTemporaryDirectory { directory in
      try withKernel(in: directory) { _, client in
        let said = try client.value("select(2, pcall(function() state.x = 1 end))")
        #expect(said?.contains(#"state.x = … would not be kept; write state.set("x", value)"#) == true)
        #expect(
          try client.value("select(2, pcall(function() state[1] = 1 end))")?.contains("state.set(1, value)") == true)
        #expect(try client.value("state.x") == "nil")
      }
    }
  }

  @Test func readingMakesNoFile() throws {
    try withTemporaryDirectory { directory in
      try withKernel(in: directory) { _, client in
        let missing = try client.value("state.get('a')")
        #expect(missing == "nil")
        #expect(try client.value("state.delete('a')") == "false")
      }
      #expect(access(directory + "/kernel.state.db", F_OK) != 0)
    }
  }

  @Test func refusesWhatIsNoData() throws {
    try withKernel { _, client in
      let error = try client.show("state.set('f', {a = {print}})").error
      #expect(error?.value.contains("the value.a[1] is a function, which state cannot keep") == true)
      #expect(try client.show("state.set({}, 1)").error?.value.contains("the key must be a string, not table") == true)
      #expect(try client.show("local t = {} t.t = t state.set('t', t)").error != nil)
    }
  }

  @Test func anUnusableFileIsSaid() throws {
    try withTemporaryDirectory { directory in
      try write("this is no database, it only looks long enough to be one", to: directory + "/kernel.state.db")
      try withKernel(in: directory) { _, client in
        let error = try client.show("state.get('a')").error
        #expect(error?.value.contains("kernel.state.db cannot be used: file is not a database") == true)
        #expect(try client.value("1") == "1")
      }
    }
  }

  @Test(arguments: [
    LuaValue.nil, .boolean(true), .integer(.min), .number(.infinity), .string([0, 255]),
    .table(LuaTable(array: [1, nil, "x"], pairs: [.init(2.5, "y"), .init(true, .table(LuaTable()))])),
  ])
  func codingRoundTrip(value: LuaValue) throws {
    let bytes = try StateCoding.encode(value)
    #expect(try bytes.withUnsafeBytes { try StateCoding.decode($0) } == value)
    for length in 0..<bytes.count {
      #expect(throws: StateError.self) { try bytes[..<length].withUnsafeBytes { try StateCoding.decode($0) } }
    }
  }
}
