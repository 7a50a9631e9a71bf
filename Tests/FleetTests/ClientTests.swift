// Clients that know nothing of Fleet: Python's jupyter_client, jupyter console; and kernels that are not ours.
import Foundation
import JSON
import Testing

extension EndToEnd {
  @Suite struct Clients {
    @Test func `a Python client executes through the connection file`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--name", "alice")
        try await fleet.ok("exec", "alice", "x = 20")
        let connection = try #require(try await fleet.kernel("alice")["connection_file"]?.string)
        let script = Built.package + "/Tests/FleetTests/Python/execute.py"
        let result = try await fleet.run(try Built.python, [script, connection, "print(x + 1)"])
        #expect(result.code == 0)
        #expect(result.output == "21\nok\n", "\(result)")
      }
    }

    @Test func `jupyter console executes through the connection file`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--name", "alice")
        let connection = try #require(try await fleet.kernel("alice")["connection_file"]?.string)
        let result = try await fleet.run(
          try Built.python, ["-m", "jupyter_console", "--existing", connection, "--simple-prompt"],
          input: "print('the answer is ' .. 6 * 7)\n")
        #expect(result.code == 0 && result.output.contains("the answer is 42"), "\(result)")
      }
    }

    @Test func `a Python kernel is spawned, used, interrupted, restarted and stopped`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--language", "python", "--name", "py", "--env", "COLOUR=blue")
        #expect(try await fleet.kernel("py")["kernelspec"] == "python3")
        #expect(try await fleet.ok("exec", "py", "import os; print(os.environ['COLOUR'])") == "blue")
        #expect(try await fleet.ok("exec", "py", "6 * 7") == "42")
        let running = try fleet.start(
          "exec", "py", "import time\nprint('begun', flush=True)\nwhile True: time.sleep(0.01)")
        try await eventually("the loop to begin") { running.output.contains("begun") }
        #expect(try await fleet.kernel("py")["status"] == "busy")
        try await fleet.ok("interrupt", "py")
        let result = try await running.finish()
        #expect(result.code == 1)
        #expect(result.errors.contains("KeyboardInterrupt"))
        try await fleet.ok("restart", "py")
        #expect(
          try await fleet.ok("exec", "py", "print(os.environ['COLOUR'] if 'os' in dir() else 'fresh')") == "fresh")
        #expect(try await fleet.ok("exec", "py", "import os; print(os.environ['COLOUR'])") == "blue")
        try await fleet.ok("stop", "py")
        #expect(try await fleet.document("list")["kernels"] == [])
      }
    }

    @Test(arguments: [
      ("multi_kernel_setup.lua", ["anthropic's secret:\tnil", "the kernels are isolated"]),
      ("multi_developer_setup.lua", ["isolated from each other", "alice reads in her notes:\tbob was here"]),
    ])
    func `the examples run`(name: String, words: [String]) async throws {
      try await FleetFixture.with { fleet in
        let result = try await fleet.fleet("run", Built.package + "/examples/" + name)
        #expect(result.code == 0, "\(result)")
        for word in words { #expect(result.output.contains(word), "\(result)") }
      }
    }

    @Test func `Ctrl-C while a script waits for its turn ends it`() async throws {
      try await FleetFixture.with { fleet in
        let (first, second) = (fleet.home + "/first.py", fleet.home + "/second.py")
        let (end, trace) = (fleet.home + "/end", fleet.home + "/trace")
        try "import os, time\nprint('begun', flush=True)\nwhile not os.path.exists('\(end)'): time.sleep(0.01)".write(
          toFile: first, atomically: true, encoding: .utf8)
        try "open('\(trace)', 'w').close()".write(toFile: second, atomically: true, encoding: .utf8)
        let running = try fleet.start("run", "--session", "s", first)
        try await eventually("the first to begin") { running.output.contains("begun") }
        let waiting = try fleet.start("run", "--session", "s", second)
        try await eventually("the second to wait for its turn") { waiting.catches(SIGINT) }
        kill(waiting.pid, SIGINT)
        try "".write(toFile: end, atomically: true, encoding: .utf8)
        #expect(try await waiting.finish().code == 130)
        #expect(try await running.finish().code == 0)
        #expect(!FileManager.default.fileExists(atPath: trace))
      }
    }

    @Test(arguments: [
      ("lua", "print('asked') return io.read()"), ("python", "print('asked', flush=True); input()"),
    ])
    func `Ctrl-C stops code that waits for input`(language: String, code: String) async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--name", "k", "--language", language)
        let running = try fleet.start("exec", "k", code)
        try await eventually("the question") { running.output.contains("asked") }
        kill(running.pid, SIGINT)
        #expect(try await running.finish().code == 130)
        #expect(try await fleet.ok("exec", "k", "1 + 1") == "2")
      }
    }

    @Test(arguments: [
      ("lua", "while true do print('yyyyyyyyyyyyyyyy') end"), ("python", "while True: print('yyyyyyyyyyyyyyyyyyy')"),
    ])
    func `Ctrl-C that is held down stops a flood`(language: String, code: String) async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--name", "k", "--language", language)
        let running = try fleet.start("exec", "k", code)
        try await eventually("the flood") { running.output.contains("yyy") }
        for _ in 0..<5 {
          kill(running.pid, SIGINT)
          try await Task.sleep(for: .milliseconds(20))
        }
        #expect(try await running.finish().code == 130)
        try await eventually("the kernel to have stopped it") { try await fleet.kernel("k")["status"] == "idle" }
        #expect(try await fleet.ok("exec", "k", "1 + 1") == "2")
      }
    }

    @Test(arguments: [("lua", "while true do print(('y'):rep(80)) end"), ("python", "while True: print('x' * 80)")])
    func `Ctrl-C stops a flood on a slow terminal`(language: String, code: String) async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--name", "k", "--language", language)
        let script = Built.package + "/Tests/FleetTests/Python/terminal.py"
        let result = try await fleet.run(try Built.python, [script, Built.program("fleet"), "k", code])
        #expect(result.code == 0 && result.output == "130\n", "\(result)")
      }
    }

    @Test func `a closed standard input is an empty one`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--name", "k")
        let command = "\(Built.program("fleet")) exec k 'return io.read()' <&-"
        let result = try await fleet.run("/bin/sh", ["-c", command])
        #expect(result.code == 0 && result.output == "nil\n", "\(result)")
      }
    }

    @Test func `what a stopped or restarted kernel did not do is no success`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--name", "k")
        for command in ["restart", "stop"] {
          let running = try fleet.start("exec", "k", "print('begun') while true do end")
          try await eventually("the loop to begin") { running.output.contains("begun") }
          let waiting = try fleet.start("exec", "k", "return 1")
          try await eventually("the second to wait") { waiting.catches(SIGINT) }
          try await fleet.ok(command, "k")
          let stopped = try await running.finish()
          #expect(stopped.code == 1 && stopped.errors.contains("the kernel is to "), "\(stopped)")
          let other = try await waiting.finish()
          // On a slow machine it may not have been sent before the kernel was another, or gone.
          #expect((other.code == 0) == (other.output == "1\n"), "\(other)")
          #expect(other.code == 0 || !other.errors.isEmpty, "\(other)")
          #expect(command == "restart" || other.code == 1, "\(other)")
        }
      }
    }

    @Test func `code that waits for input notices that its kernel was stopped`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--name", "k")
        let running = try fleet.start("exec", "k", "print('asked') return io.read()")
        try await eventually("the question") { running.output.contains("asked") }
        try await fleet.ok("stop", "k")
        let result = try await running.finish()
        #expect(result.code == 1 && !result.errors.isEmpty, "\(result)")
      }
    }

    @Test func `outputs are complete, however slowly they are read`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--name", "k")
        // More than a pipe holds, and a reader that sleeps longer than the kernel's last word is waited for.
        let code = "for i = 1, 100000 do print(i, ('x'):rep(40)) end"
        let script = "\(Built.program("fleet")) exec k \"\(code)\" | (sleep 7; tail -n 1 | cut -f 1)"
        let result = try await fleet.run("/bin/sh", ["-c", script])
        #expect(result.output == "100000\n", "\(result)")
      }
    }

    @Test func `a session notices that its kernel was restarted or stopped meanwhile`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--name", "k")
        let session = try fleet.start("connect", "k")
        session.send("x = 1 print('one')\n")
        try await eventually("the first") { session.output.contains("one") }
        try await fleet.ok("restart", "k")
        session.send("print('two', x)\n")
        try await eventually("the second") { session.output.contains("two\tnil") }
        #expect(session.errors.contains("k was started again meanwhile; its variables are gone"))
        try await fleet.ok("stop", "k")
        // It gets the port.
        try await fleet.ok("spawn", "--name", "other")
        session.send("print('three')\n")
        let result = try await session.finish()
        #expect(result.code == 1 && result.errors.contains("k was stopped meanwhile"), "\(result)")
      }
    }

    @Test func `a script gets its arguments, its directory and its exit code`() async throws {
      try await FleetFixture.with { fleet in
        try "return { name = 'helper' }".write(toFile: fleet.home + "/helper.lua", atomically: true, encoding: .utf8)
        try "print(require('helper').name, arg[1], ...) os.exit(3)".write(
          toFile: fleet.home + "/main.lua", atomically: true, encoding: .utf8)
        let result = try await fleet.fleet("run", fleet.home + "/main.lua", "one", "two")
        #expect(result.output == "helper\tone\tone\ttwo\n", "\(result)")
        #expect(result.code == 3)
      }
    }
  }
}
