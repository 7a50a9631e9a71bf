// The interactive session in a terminal, with a real kernel.
import Foundation
import Glibc
import JSON
import Testing

struct InteractiveTests {
  /// A Lua kernel of its own, without a host.
  private final class LuaKernel {
    let folder = TestFiles.directory()
    private let process = Process()
    var connectionFile: String { folder + "/kernel.json" }

    init() throws {
      let program = URL(fileURLWithPath: FleetProcess.executable).deletingLastPathComponent().path + "/fleet-kernel"
      process.executableURL = URL(fileURLWithPath: program)
      process.arguments = ["start", "--port", "0", "--id", "kernel-1a2b3c4d", "--connection-file", connectionFile]
      process.environment = ["HOME": folder, "FLEET_HOME": folder]
      process.standardError = FileHandle.nullDevice
      try process.run()
      let deadline = ContinuousClock.now + .seconds(10)
      while !FileManager.default.fileExists(atPath: connectionFile) && ContinuousClock.now < deadline { usleep(2000) }
    }

    deinit {
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      TestFiles.remove(folder)
    }
  }

  private static func host(of kernel: LuaKernel) -> FakeHost {
    let file = kernel.connectionFile
    return FakeHost { request in
      var alice = Kernels.alice
      alice["connection_file"] = .string(file)
      return request.path.hasSuffix("/clients") ? (200, ["others": 1, "clients": ["me"]]) : (200, ["kernel": alice])
    }
  }

  @Test func aSessionInATerminal() throws {
    let kernel = try LuaKernel()
    let host = Self.host(of: kernel)
    let environment = ["HOME=\(host.directory)", "FLEET_HOME=\(host.directory)", "TERM=xterm", "PATH=/usr/bin:/bin"]
    let terminal = try #require(Terminal(["connect", "alice"], environment: environment))
    #expect(terminal.wait(for: "connected to alice (lua, port 9555), shared with 1 other client; Ctrl-D leaves\n"))
    #expect(terminal.wait(for: "lua> "))
    terminal.type("6 *\n")
    #expect(terminal.wait(for: "...> "))
    terminal.type("7\n")
    #expect(terminal.wait(for: "\n42\n"))
    #expect(terminal.wait(for: "lua> "))
    // Code that runs for ever is stopped; the session goes on.
    terminal.type("print('running') while true do end\n")
    #expect(terminal.wait(for: "\nrunning\n"))
    terminal.pressControl("c")
    #expect(terminal.wait(for: "Interrupted"))
    #expect(terminal.wait(for: "lua> "))
    terminal.type("name = io.read() print('hello ' .. name)\n")
    #expect(terminal.wait(for: "name)\n"))
    terminal.type("Bob\n")
    #expect(terminal.wait(for: "hello Bob\n"), "\(terminal.screen)")
    #expect(terminal.wait(for: "lua> "))
    terminal.pressControl("d")
    #expect(terminal.exitCode() == 0)
    let last = host.requests.last
    #expect(last?.method == "DELETE" && last?.path.contains("/clients/") == true)
  }

  @Test(.enabled(if: dlopen("libreadline.so.8", RTLD_LAZY) != nil, "needs GNU readline"))
  func controlCAtThePromptThrowsTheLineAway() throws {
    let kernel = try LuaKernel()
    let host = Self.host(of: kernel)
    let environment = ["HOME=\(host.directory)", "FLEET_HOME=\(host.directory)", "TERM=xterm", "PATH=/usr/bin:/bin"]
    let terminal = try #require(Terminal(["connect", "alice"], environment: environment))
    #expect(terminal.wait(for: "lua> "))
    terminal.type("error('never')")
    #expect(terminal.wait(for: "never')"))
    terminal.pressControl("c")
    #expect(terminal.wait(for: "^C\n") && terminal.wait(for: "lua> "))
    terminal.type("'still ' .. 'here'\n")
    #expect(terminal.wait(for: "\nstill here\n"), "\(terminal.screen)")
    #expect(terminal.wait(for: "lua> "))
    terminal.pressControl("d")
    #expect(terminal.exitCode() == 0)
    let history = try String(contentsOfFile: host.directory + "/history.lua", encoding: .utf8)
    #expect(history == "'still ' .. 'here'\n")
  }

  @Test func codeFromAPipeFailsTheCommandIfAnyOfItFails() throws {
    let kernel = try LuaKernel()
    let host = Self.host(of: kernel)
    let result = try FleetProcess.run(
      ["connect", "alice"], in: host.directory,
      input: "x = 1\nfunction f()\n  return x\nend\nf()\nerror('boom')\nx + 1\n")
    #expect(result.code == 1 && result.output == "1\n2\n")
    #expect(result.error.contains("boom") && result.error.contains("stack traceback"))
  }

  @Test func outputsErrorsAndExitCodesOfExec() throws {
    let kernel = try LuaKernel()
    let host = Self.host(of: kernel)
    func exec(_ code: String, input: String = "") throws -> FleetProcess {
      try FleetProcess.run(["exec", "alice", code], in: host.directory, input: input)
    }
    #expect(try exec("y = 5").output == "")
    #expect(try exec("return y").output == "5\n")
    #expect(try exec("return z").output == "nil\n")
    #expect(try exec("io.write('no end') return 1").output == "no end\n1\n")
    #expect(try exec("print(io.read())", input: "line\n").output == "line\n")
    #expect(try exec("-", input: "print('from a pipe')").output == "from a pipe\n")
    let failed = try exec("io.stderr:write('note\\n') error('boom')")
    #expect(failed.code == 1 && failed.output == "")
    #expect(failed.error.hasPrefix("note\n") && failed.error.contains("boom"))
    #expect(try exec("os.exit(7)").code == 7)
  }
}
