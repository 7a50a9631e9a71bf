// What `os.exit` ends, and what output functions and C modules leave.
import Glibc
import JSON
import JupyterProtocol
import Synchronization
import Testing

@Suite struct ExitTests {
  private func request(_ code: String, script: String? = nil) -> ExecuteRequest {
    var request = ExecuteRequest(code)
    var fleet: JSON = ["keep_kernel": true]
    if let script { fleet["script"] = .string(script) }
    request.metadata = ["fleet": fleet]
    return request
  }

  /// In a kernel that others share, only the code ends, and its client learns the code.
  @Test(arguments: [("os.exit()", Int64(0)), ("os.exit(3)", 3), ("os.exit(false)", 1), ("pcall(os.exit, 7)", 7)])
  func endsOnlyTheCodeWhereTheKernelIsToBeKept(code: String, expected: Int64) throws {
    try withKernel { _, client in
      for script in [nil, "/tmp/script.lua"] {
        let shown = try client.show(request("x = 5 print('said') \(code) x = 6 print('never')", script: script))
        #expect(shown.outcome == .ok)
        #expect(shown.stdout == "said\n")
        #expect(shown.errors.isEmpty)
        #expect(
          shown.content["payload"] == [["source": "ask_exit", "keepkernel": true, "code": .int(expected)]])
        #expect(try client.value("x") == "5")
      }
    }
  }

  /// An interrupt that comes first is what ended the code; and the next code's end is its own.
  @Test func leavesNothingBehind() throws {
    try withKernel { kernel, client in
      _ = try client.show(request("os.exit(3)"))
      let shown = try client.show(
        request("print('runs') while true do end"),
        onOutput: { if case .stream = $0 { client.interruption.signal() } })
      #expect(shown.error?.name == "Interrupted")
      #expect(try client.show(request("error('boom')")).error?.name == "RuntimeError")
      #expect(try client.show("os.exit(4)").content["payload"]?[0]?["keepkernel"] == false)
      #expect(try kernel.process.end() == 4)
    }
  }

  /// An interrupt that comes before the kernel has begun with the code is not lost: it waits for its turn, and does not
  /// stop what runs for another client until then.
  @Test func anInterruptStopsOnlyItsOwnCode() throws {
    try withKernel { kernel, client in
      client.interruption.signal()
      #expect(try client.show("while true do end").error?.name == "Interrupted")

      let connection = kernel.connection
      let other = Mutex<ExecuteReply.Outcome?>(nil)
      let thread = try SystemThread.start(name: "other") {
        guard let client = try? KernelClient(connection) else { return }
        let reply = try? client.execute(ExecuteRequest("began = true for i = 1, 2e8 do end"), timeout: .seconds(60))
        other.withLock { $0 = reply?.outcome }
      }
      client.interruption.signal()
      let shown = try client.show("while true do end")
      thread.join()
      #expect(shown.error?.name == "Interrupted")
      #expect(other.withLock { $0 } == .ok)
    }
  }

  @Test(arguments: ["io.write('x')", "io.stdout:write('x')", "io.write('x'):write('')", "return io.write('x')"])
  func whatIoWriteReturnsIsNoResult(_ code: String) throws {
    try withKernel { _, client in
      let shown = try client.show(code)
      #expect(shown.stdout == "x")
      #expect(shown.result == nil)
      #expect(try client.show("io.stderr:write('x')").result == nil)
      #expect(try client.value("io.tmpfile()")?.hasPrefix("file (0x") == true)
    }
  }

  /// A rock with a C module, installed for the user as LuaRocks does it.
  @Test func loadsModulesInC() throws {
    try withTemporaryDirectory { directory in
      let folder = directory + "/.luarocks/lib/lua/5.4/rock"
      var path = directory
      for name in folder.dropFirst(directory.count + 1).split(separator: "/") {
        path += "/\(name)"
        mkdir(path, 0o700)
      }
      try write(
        """
        #include <lauxlib.h>
        static int add(lua_State *L) {
          lua_pushinteger(L, luaL_checkinteger(L, 1) + luaL_checkinteger(L, 2));
          return 1;
        }
        int luaopen_rock_core(lua_State *L) {
          const luaL_Reg functions[] = {{"add", add}, {NULL, NULL}};
          luaL_newlib(L, functions);
          return 1;
        }

        """, to: directory + "/core.c")
      let compiler = try TestProcess(
        [
          "/usr/bin/env", "cc", "-shared", "-fPIC", "-I/usr/include/lua5.4", "-o", folder + "/core.so",
          directory + "/core.c",
        ], output: directory + "/cc.log")
      #expect(try compiler.end() == 0, "\(contents(of: directory + "/cc.log"))")
      let kernel = try KernelProcess(in: directory, environment: ["HOME": directory])
      let client = try kernel.client()
      #expect(try client.value("require('rock.core').add(40, 2)") == "42")
      let shown = try client.show("require('rock.core').add('x')")
      #expect(shown.error?.value.contains("bad argument #1 to 'add' (number expected, got string)") == true)
    }
  }
}
