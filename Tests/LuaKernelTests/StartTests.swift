// Starting a kernel: flags, files, failures, the background, and limits of time and clients.
import Glibc
import JupyterProtocol
import Testing

@testable import LuaKernel

@Suite struct StartTests {
  private func run(_ arguments: [String], in directory: String) throws -> (code: Int32, output: String) {
    let process = try TestProcess(
      [try KernelProcess.executable] + arguments, output: directory + "/output",
      environment: ["FLEET_HOME": directory + "/home"])
    let code = try process.end()
    return (code, contents(of: directory + "/output"))
  }

  @Test func parsing() throws {
    let all = try KernelOptions.parse([
      "start", "--daemon", "--port", "0", "--id=k1", "--config", "c", "-f", "f", "--log-file", "l", "--pid-file", "p",
      "--idle-timeout", "5", "--max-clients=2", "--state-file", "s",
    ])
    var expected = KernelOptions()
    expected.daemon = true
    (expected.port, expected.id, expected.config, expected.connectionFile) = (0, "k1", "c", "f")
    (expected.logFile, expected.pidFile, expected.stateFile) = ("l", "p", "s")
    (expected.idleTimeout, expected.maxClients) = (5, 2)
    #expect(all == .start(expected))
    #expect(try KernelOptions.parse(["--help"]) == .help)
    for wrong in [
      ["--port"], ["--port", "65533"], ["--port", "x"], ["--nosuch"], ["stop"], ["--id", "a/b"], ["--id", ".x"],
    ] {
      #expect(throws: UsageError.self, "\(wrong)") { try KernelOptions.parse(wrong) }
    }
  }

  @Test func failuresAreOneSentence() throws {
    try withTemporaryDirectory { directory in
      let usage = try run(["start", "--prot", "1"], in: directory)
      #expect(usage.code == 2)
      #expect(usage.output == "fleet-kernel: unknown argument --prot; see fleet-kernel --help\n")
    }
    try withTemporaryDirectory { directory in
      try write("[kernel]\nlanguge = \"lua\"\n", to: directory + "/bad.toml")
      let bad = try run(["start", "--port", "0", "--config", directory + "/bad.toml"], in: directory)
      #expect(bad.code == 1)
      #expect(bad.output.contains("bad.toml:2"), "\(bad.output)")
      #expect(bad.output.contains("language"))
    }
    try withTemporaryDirectory { directory in
      try write("{", to: directory + "/broken.json")
      let broken = try run(["start", "-f", directory + "/broken.json"], in: directory)
      #expect(broken.code == 1)
      #expect(broken.output.contains("connection file \(directory)/broken.json: invalid JSON"))
    }
  }

  @Test func aTakenPortHasItsOwnExitCode() throws {
    try withKernel { kernel, _ in
      try withTemporaryDirectory { directory in
        var connection = kernel.connection
        connection.key = "another"
        try connection.write(to: directory + "/k.json")
        let taken = try run(["start", "-f", directory + "/k.json"], in: directory)
        #expect(taken.code == 98)
        #expect(
          taken.output == "fleet-kernel: cannot listen on \(kernel.connection.endpoint(.shell)): "
            + "Address already in use; choose another --port\n")
        #expect(access(directory + "/k.json", F_OK) == 0)
      }
    }
  }

  @Test func filesOfARunningKernel() throws {
    try withTemporaryDirectory { directory in
      let home = directory + "/home"
      let process = try TestProcess(
        [
          try KernelProcess.executable, "start", "--port", "0", "--id", "kernel-x", "--pid-file", directory + "/pid",
          "--log-file", directory + "/log",
        ], environment: ["FLEET_HOME": home])
      try eventually("the pid file is written") { contents(of: directory + "/pid") == "\(process.pid)\n" }
      let connection = try ConnectionFile(reading: home + "/kernel-x.json")
      #expect(connection.shellPort != 0)
      #expect(connection.kernelName == "lua")
      let client = try KernelClient(connection)
      try client.waitUntilReady(timeout: .seconds(30))
      _ = try client.show("io.stderr:write('to the client')  print('too')")
      try client.shutdown(timeout: .seconds(30))
      #expect(try process.end() == 0)
      #expect(access(directory + "/pid", F_OK) != 0)
      #expect(access(home + "/kernel-x.json", F_OK) != 0)
      let log = contents(of: directory + "/log")
      #expect(log.contains("INFO kernel-x: listens on tcp://127.0.0.1:\(connection.shellPort)"))
      #expect(!log.contains("to the client"))
    }
  }

  @Test func aDaemonReturnsWhenTheKernelAnswers() throws {
    try withTemporaryDirectory { directory in
      let arguments = [
        "start", "--daemon", "--port", "0", "-f", directory + "/k.json", "--pid-file", directory + "/pid",
        "--log-file", directory + "/log",
      ]
      let started = try run(arguments, in: directory)
      #expect(started.code == 0, "\(started.output)")
      let pid = try #require(pid_t(contents(of: directory + "/pid").dropLast()))
      defer { kill(pid, SIGKILL) }
      #expect(started.output == "\(directory)/k.json (pid \(pid))\n")
      #expect(getsid(pid) == pid)
      let client = try KernelClient(ConnectionFile(reading: directory + "/k.json"))
      #expect(try client.kernelInfo(timeout: .seconds(30))["implementation"] == "fleet-kernel")
      try client.shutdown(timeout: .seconds(30))
      try eventually("the daemon has ended") { access(directory + "/pid", F_OK) != 0 }
    }
  }

  @Test func aDaemonThatFailsSaysWhy() throws {
    try withTemporaryDirectory { directory in
      let failed = try run(["start", "--daemon", "--port", "0", "--config", directory + "/none.toml"], in: directory)
      #expect(failed.code == 1)
      #expect(failed.output.contains("none.toml"), "\(failed.output)")
    }
    try withKernel { kernel, _ in
      try withTemporaryDirectory { directory in
        try kernel.connection.write(to: directory + "/k.json")
        let failed = try run(["start", "--daemon", "-f", directory + "/k.json"], in: directory)
        #expect(failed.code == 1)
        #expect(failed.output.contains("Address already in use"), "\(failed.output)")
      }
    }
  }

  @Test func endsWhenIdle() throws {
    try withKernel(["--idle-timeout", "1"]) { kernel, client in
      _ = try client.show("1")
      #expect(try kernel.process.end() == 0)
      #expect(contents(of: kernel.log).contains("ends: idle"))
    }
  }

  @Test func refusesMoreClientsThanAllowed() throws {
    try withKernel(["--max-clients", "1"]) { kernel, client in
      #expect(try client.value("1") == "1")
      do {
        let second = try kernel.client()
        let refusal = try second.execute(ExecuteRequest("2"), timeout: .seconds(30))
        guard case .error(let error) = refusal.outcome else { throw TestFailure(description: "not refused") }
        #expect(error.name == "TooManyClients")
        #expect(try client.value("3") == "3")
      }
    }
    try withKernel(["--max-clients", "1"]) { kernel, _ in
      // The first of them has said nothing yet, so the places go to those that ask, one after the other.
      for _ in 0..<3 {
        let client = try KernelClient(kernel.connection)
        try eventually("there is room after the last client has gone") {
          try client.execute(ExecuteRequest("1"), timeout: .seconds(30)).outcome == .ok
        }
      }
    }
  }

  @Test func configIsVisibleAndReadOnly() throws {
    try withTemporaryDirectory { directory in
      try write(
        "[llm]\nprovider = \"openai\"\nmodel = \"gpt-4o-mini\"\napi_key_env = \"OPENAI_API_KEY\"\n[labels]\nteam = \"a\"\n",
        to: directory + "/openai.toml")
      let kernel = try KernelProcess(in: directory, ["--config", directory + "/openai.toml"])
      let client = try kernel.client()
      #expect(
        try client.value("llm.provider, llm.model, config.labels.team, config.language")
          == "openai\tgpt-4o-mini\ta\tlua")
      #expect(
        try client.show("llm.provider = 'x'").error?.value
          == "cell 2:1: the kernel's configuration is read-only: provider")
      #expect(try client.show("config.llm.model = 1").error != nil)
      kernel.process.signal(SIGTERM)
    }
  }
}
