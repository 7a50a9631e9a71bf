// require("fleet") against a host with canned answers and a second real kernel.
import Foundation
import JSON
import JupyterProtocol
import LuaRuntime
import Testing

@testable import LuaKernel

@Suite struct FleetModuleTests {
  /// A kernel whose host knows one other kernel, `alice`.
  private func withFleet(_ body: (FakeHost, KernelProcess, KernelClient) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      let alice = try KernelProcess(in: directory, name: "kernel-a11ce")
      let document: JSON = [
        "id": "kernel-a11ce", "name": "alice", "connection_file": .string(directory + "/kernel-a11ce.json"),
        "provider": "openai", "exit": nil,
      ]
      let host = try FakeHost(in: directory) { request in
        switch (request.method, request.path) {
        case ("POST", "/kernels") where request.body["config"] == "none.toml":
          (404, ["error": "there is no config none.toml", "code": "config_not_found"])
        case ("POST", "/kernels"): (201, ["kernel": document])
        case ("POST", "/find"): (200, ["kernel": document, "decision": ["reason": "fits"]])
        case ("GET", "/kernels"): (200, ["kernels": [document]])
        case ("GET", "/metrics"): (200, ["total_kernels": 1])
        default: (200, ["kernel": document])
        }
      }
      defer { host.stop() }
      try FileManager.default.createDirectory(atPath: directory + "/configs", withIntermediateDirectories: false)
      try "[llm]\nprovider = \"openai\"\napi_key_env = \"OPENAI_API_KEY\"\n".write(
        toFile: directory + "/configs/keyed.toml", atomically: true, encoding: .utf8)
      let kernel = try KernelProcess(
        in: directory, name: "kernel-b0b",
        environment: ["FLEET_SOCKET": host.socket, "FLEET_HOME": directory, "OPENAI_API_KEY": "sk-test"])
      try body(host, alice, try kernel.client())
      kernel.process.signal(SIGKILL)
    }
  }

  @Test func drivesTheHost() throws {
    try withFleet { host, _, client in
      _ = try client.show("fleet = require('fleet')")
      #expect(try client.value("fleet.spawn{config = 'keyed.toml', memory = '64M'}") == "kernel kernel-a11ce (alice)")
      #expect(try client.value("fleet.list()[1].name, #fleet.list()") == "alice\t1")
      #expect(try client.value("select(2, fleet.find{provider = 'openai'}).reason") == "fits")
      #expect(try client.value("fleet.metrics().total_kernels") == "1")
      _ = try client.show("local k = fleet.get('alice') k:interrupt() k:restart() k:stop() fleet.stop(9555)")
      let requests = host.requests.withLock { $0.map { "\($0.method) \($0.path)" } }
      #expect(
        requests == [
          "POST /kernels", "GET /kernels", "GET /kernels", "POST /find", "GET /metrics", "GET /kernels/alice",
          "POST /kernels/kernel-a11ce/interrupt", "POST /kernels/kernel-a11ce/restart", "DELETE /kernels/kernel-a11ce",
          "DELETE /kernels/9555",
        ])
      // The variable that the config names goes along.
      let expected: JSON = [
        "config": "keyed.toml", "memory_limit": "64M", "env_vars": ["OPENAI_API_KEY": "sk-test"],
      ]
      #expect(host.requests.withLock { $0[0].body } == expected)
    }
  }

  @Test func runsCodeInOtherKernels() throws {
    try withFleet { _, alice, client in
      _ = try client.show("alice = require('fleet').get('alice')")
      #expect(
        try client.value("alice:exec('x = 5 return x')")
          == "5\t{ count = 1, result = \"5\", stderr = \"\", stdout = \"\", text = \"5\" }")
      #expect(try client.value("(alice:exec('print(1) return x + 1'))") == "1\n6")
      #expect(try client.value("x") == "nil")
      #expect(try client.value("({alice:exec('print(2) os.exit(7)')})[2].exit_code") == "7")
      let failed = try client.show("local _ = alice:exec('error(\"boom\")')").error
      #expect(failed?.value == "cell 6:1: kernel kernel-a11ce (alice): RuntimeError: cell 4:1: boom")
      let stopped = try client.show("print('runs') alice:exec('while true do end')") { output in
        if case .stream = output { client.interruption.signal() }
      }
      #expect(stopped.error?.name == "Interrupted")
      #expect(try client.value("(alice:exec('return x'))") == "5")
      alice.process.signal(SIGKILL)
      #expect(try alice.process.end() == -SIGKILL)
      #expect(try client.show("alice:exec('return x')").error != nil)
    }
  }

  @Test func refusalsAreErrorsOfTheScript() throws {
    try withFleet { _, _, client in
      let error = try client.show("require('fleet').spawn{config = 'none.toml'}").error
      #expect(error?.value == "fleet.spawn: there is no config none.toml")
      let placed = try client.show("local k = require('fleet').spawn{config = 'none.toml'} print(k)").error
      #expect(placed?.value == "cell 2:1: fleet.spawn: there is no config none.toml")
      #expect(try client.show("require('fleet').spawn{labels = print}").error != nil)
    }
  }

  @Test func withoutAHost() throws {
    try withTemporaryDirectory { directory in
      let environment = ["FLEET_SOCKET": directory + "/none.sock"]
      let kernel = try KernelProcess(in: directory, environment: environment)
      let error = try kernel.client().show("require('fleet').list()").error
      #expect(error?.value.contains("no host answers on \(directory)/none.sock") == true)
      kernel.process.signal(SIGKILL)
    }
  }

  @Test func jsonKeepsWhatItCan() throws {
    #expect(try JSON(.table(LuaTable(array: [1, 2.5, "x"]))) == [1, 2.5, "x"])
    #expect(try JSON(.record(["a": true, "b": .table(LuaTable())])) == ["a": true, "b": [:]])
    #expect(throws: ScriptError.self) { try JSON(.opaque("function")) }
    #expect(throws: ScriptError.self) { try JSON(.table(LuaTable(array: [1], pairs: [.init("a", 1)]))) }
    #expect(throws: ScriptError.self) { try JSON(.table(LuaTable(pairs: [.init(true, 1)]))) }
    #expect(LuaValue(["a": nil, "b": [1]] as JSON) == .record(["b": .sequence([1])]))
  }
}
