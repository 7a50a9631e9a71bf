// The command line as a process against a host that answers as it is told: output, sentences, exit codes.
import Foundation
import JSON
import Testing

struct CommandTests {
  private let host = FakeHost(Kernels.host)

  private func fleet(_ arguments: String..., environment: [String: String] = [:]) throws -> FleetProcess {
    try FleetProcess.run(arguments, in: host.directory, environment: environment)
  }

  @Test func listIsATable() throws {
    let result = try fleet("list")
    #expect(result.code == 0 && result.error == "")
    #expect(
      result.output == """
        ID               NAME   PID  PORT  LANGUAGE  CONFIG       CLIENTS  MEMORY    CPU  UPTIME  STATUS
        kernel-1a2b3c4d  alice  123  9555  lua       openai.toml        2    3.1M  12.3%   2m05s  idle
        kernel-deadbeef  -        -  9560  python    -                  0       -      -       -  failed

        """)
    #expect(try fleet("ls").output == result.output)
    let verbose = try fleet("list", "-v").output
    #expect(verbose.contains("openai/gpt-4o  512M, 0.5 cpu") && verbose.contains("team=a"))
  }

  @Test func jsonIsTheDocumentOfTheAPI() throws {
    #expect(try JSON(parsing: fleet("list", "--json").output) == ["kernels": [Kernels.alice, Kernels.dead]])
    #expect(try JSON(parsing: fleet("show", "alice", "--json").output) == ["kernel": Kernels.alice])
    #expect(try JSON(parsing: fleet("registry").output)["next_port"] == 9565)
    #expect(try JSON(parsing: fleet("stop-all", "--json").output)["stopped"] == ["kernel-1a2b3c4d"])
  }

  @Test func kernelsThatWereNotStoppedAreNamed() throws {
    let host = FakeHost { request in
      guard request.method == "DELETE" else { return (200, ["pid": 0, "active_kernels": 2]) }
      return (
        200, ["stopped": ["kernel-1a2b3c4d"], "failed": [["id": "kernel-deadbeef", "error": "it is a stranger's"]]]
      )
    }
    let result = try FleetProcess.run(["stop-all"], in: host.directory)
    #expect(result.code == 1 && result.output == "stopped 1 kernel\n")
    #expect(result.error == "fleet: kernel-deadbeef was not stopped: it is a stranger's\n")
    let down = try FleetProcess.run(["down", "--kernels"], in: host.directory)
    #expect(down.code == 1 && down.error == result.error)
    #expect(host.requests.map(\.path).contains("/shutdown?kernels=1"))
  }

  @Test func showTellsEverythingThatIsKnown() throws {
    let output = try fleet("show", "9555").output
    #expect(output.contains("health        HEALTHY: answers\n") && output.contains("memory limit  512M\n"))
    #expect(!output.contains("pool"))
    #expect(try fleet("show", "kernel-deadbeef").output.contains("ended         killed by SIGKILL\n"))
  }

  @Test func healthFailsIfAKernelIsNotHealthy() throws {
    let result = try fleet("health")
    #expect(result.code == 1 && result.error == "")
    #expect(result.output.contains("kernel-deadbeef  -      DEAD     killed by SIGKILL\n"))
  }

  @Test func findPrintsTheConnectionFileAndSaysWhyElsewhere() throws {
    let result = try fleet("find", "--provider", "openai", "--label", "team=a", "--memory", "512M", "--session", "s")
    #expect(result.output == "/f/kernel-1a2b3c4d.json\n")
    #expect(result.error == "fleet: found alice (kernel-1a2b3c4d): fewest clients of lua\n")
    let expected: JSON = [
      "provider": "openai", "labels": ["team": "a"], "memory_limit": "512M", "session": "s",
    ]
    #expect(host.requests.last?.body == expected)
  }

  @Test func aFailedPolicyIsTold() throws {
    let host = FakeHost { _ in
      let decision: JSON = ["fallback": true, "error": "route ran over its 2 ms", "reason": "native", "spawned": true]
      return (200, ["kernel": Kernels.alice, "decision": decision])
    }
    let result = try FleetProcess.run(["find"], in: host.directory)
    #expect(
      result.error == """
        fleet: the routing policy failed: route ran over its 2 ms; the host's own rule decided
        fleet: started alice (kernel-1a2b3c4d): native

        """)
  }

  @Test func spawnSendsTheConfigsPathAndTheVariablesItNames() throws {
    let config = host.directory + "/mine.toml"
    try "[llm]\nprovider = \"openai\"\napi_key_env = \"MY_KEY\"\n".write(
      toFile: config, atomically: true, encoding: .utf8)
    let result = try fleet(
      "spawn", "mine", "lua", "--name", "alice", "--nice", "-5", "--env", "A=b=c", "--env", "MY_KEY2", "--best-effort",
      environment: ["MY_KEY": "secret", "MY_KEY2": "two"])
    #expect(result.code == 0, "\(result.error)")
    #expect(result.output.hasPrefix("started alice (kernel-1a2b3c4d): lua, port 9555, pid 123\n"))
    #expect(!result.output.contains("secret") && !result.error.contains("secret"))
    let expected: JSON = [
      "config": .string(config), "language": "lua", "name": "alice", "nice": -5, "best_effort": true,
      "env_vars": ["MY_KEY": "secret", "A": "b=c", "MY_KEY2": "two"],
    ]
    #expect(host.requests.last?.body == expected)
    #expect(try fleet("spawn", "--config", "mine").error == "fleet: MY_KEY, which mine.toml names, is not set here\n")
  }

  @Test func aConfigThatIsMissingOrWrongIsToldBeforeTheHostIsAsked() throws {
    let missing = try fleet("spawn", "opnai")
    #expect(missing.code == 3)
    #expect(missing.error.hasPrefix("fleet: there is no config \"opnai\"; looked for \(host.directory)/opnai, "))
    let config = host.directory + "/bad.toml"
    try "[kernel]\nlanguge = \"lua\"\n".write(toFile: config, atomically: true, encoding: .utf8)
    let wrong = try fleet("spawn", "bad.toml")
    #expect(wrong.code == 2)
    #expect(wrong.error == "fleet: \(config):2: unknown key \"languge\" in [kernel]; did you mean \"language\"?\n")
    #expect(host.requests.isEmpty)
  }

  @Test func anUnknownKernelIsAnsweredWithTheNearest() throws {
    let result = try fleet("show", "alise")
    #expect(result.code == 3)
    #expect(result.error == "fleet: there is no kernel \"alise\"; did you mean \"alice\"?\n")
    #expect(try fleet("stop", "zzz").error == "fleet: there is no kernel \"zzz\"; see fleet list\n")
  }

  @Test func aKernelspecThatOnlyTheHostMissesIsToldSo() throws {
    let host = FakeHost { _ in (404, ["error": "its sentence", "code": "kernelspec_not_found"]) }
    let folder = host.directory + "/data/kernels/toy"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try #"{"argv": ["true"], "language": "toy", "display_name": "Toy"}"#.write(
      toFile: folder + "/kernel.json", atomically: true, encoding: .utf8)
    let environment = ["JUPYTER_DATA_DIR": host.directory + "/data"]
    for arguments in [
      ["spawn", "--language", "toy"], ["find", "--language", "toy"], ["spawn", "--kernelspec", "toy"],
    ] {
      let result = try FleetProcess.run(arguments, in: host.directory, environment: environment)
      #expect(result.code == 3)
      #expect(
        result.error == """
          fleet: the kernelspec "toy" is installed here, but not where the host was started; start the host from here, \
          with fleet down and fleet up (kernels go on meanwhile)

          """)
    }
    #expect(try FleetProcess.run(["spawn", "--language", "x"], in: host.directory).error == "fleet: its sentence\n")
  }

  @Test func anOutputThatCannotBeWrittenFailsTheCommand() throws {
    let command = "\(FleetProcess.executable) list > /dev/full"
    let result = try FleetProcess.run(["-c", command], in: host.directory, program: "/bin/sh")
    #expect(result.code == 1)
    #expect(result.error == "fleet: cannot write to standard output: No space left on device\n")
  }

  @Test func logsAndInterrupt() throws {
    #expect(try fleet("logs", "alice", "-n", "2").output == "one\ntwo\n")
    #expect(try fleet("interrupt", "alice").output == "interrupted alice (kernel-1a2b3c4d)\n")
  }

  @Test func aDeadKernelIsNotSpokenTo() throws {
    let result = try fleet("exec", "kernel-deadbeef", "1")
    #expect(result.code == 1)
    #expect(
      result.error
        == "fleet: kernel-deadbeef is dead (killed by SIGKILL); fleet restart kernel-deadbeef starts it again\n")
  }

  @Test func theDirectoryMayBeNamedBeforeAndAfterTheCommand() throws {
    let elsewhere = TestFiles.directory()
    defer { TestFiles.remove(elsewhere) }
    for arguments in [["--fleet-dir", host.directory, "list"], ["list", "--fleet-dir=\(host.directory)"]] {
      #expect(try FleetProcess.run(arguments, in: elsewhere).code == 0)
    }
  }

  @Test(
    arguments: [
      ("bad_request", 400, 2), ("kernelspec_not_found", 404, 3), ("config_not_found", 404, 3), ("refused", 403, 4),
      ("limit", 403, 4), ("name_taken", 409, 4), ("wrong_state", 409, 1), ("start_failed", 500, 1), ("storage", 507, 1),
      ("internal", 500, 1),
    ] as [(String, Int, Int32)])
  func theHostsCodeIsTheExitCode(code: String, status: Int, exit: Int32) throws {
    let host = FakeHost { _ in (status, ["error": "its sentence", "code": .string(code)]) }
    let result = try FleetProcess.run(["spawn"], in: host.directory)
    #expect(result.code == exit && result.error == "fleet: its sentence\n" && result.output == "")
  }
}
