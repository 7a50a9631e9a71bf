// How code that ends in its own ways ends `fleet exec` and `fleet run`, as text and as a document.
import Foundation
import Glibc
import JSON
import Testing

struct ExecTests {
  /// A Lua kernel of its own and a host that knows nothing else.
  private final class Fixture {
    let folder = TestFiles.directory()
    private let process = Process()
    let host: FakeHost

    init() throws {
      let program = URL(fileURLWithPath: FleetProcess.executable).deletingLastPathComponent().path + "/fleet-kernel"
      let file = folder + "/kernel.json"
      process.executableURL = URL(fileURLWithPath: program)
      process.arguments = ["start", "--port", "0", "--id", "kernel-1a2b3c4d", "--connection-file", file]
      process.environment = ["HOME": folder, "FLEET_HOME": folder]
      process.standardError = FileHandle.nullDevice
      var alice = Kernels.alice
      alice["connection_file"] = .string(file)
      let kernel = alice
      host = FakeHost { request in
        (200, ["kernel": kernel, "decision": ["reason": "fewest clients of lua", "spawned": false]])
      }
      try process.run()
      let deadline = ContinuousClock.now + .seconds(20)
      while !FileManager.default.fileExists(atPath: file) && ContinuousClock.now < deadline { usleep(2000) }
    }

    deinit {
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      TestFiles.remove(folder)
    }

    func run(_ arguments: String...) throws -> FleetProcess { try FleetProcess.run(arguments, in: host.directory) }
  }

  @Test func aScriptsExitCodeIsPassedOnAndTheKernelStays() throws {
    let fixture = try Fixture()
    #expect(try fixture.run("exec", "alice", "x = 5").code == 0)
    let exec = try fixture.run("exec", "alice", "print('said') os.exit(7)")
    #expect(exec.code == 7 && exec.output == "said\n" && exec.error == "", "\(exec)")
    let script = fixture.folder + "/script.lua"
    try "print(x) pcall(os.exit, tonumber(arg[1])) print('never')".write(
      toFile: script, atomically: true, encoding: .utf8)
    for (code, expected) in [("3", Int32(3)), ("0", 0)] {
      let run = try fixture.run("run", script, code)
      #expect(run.code == expected && run.output == "5\n", "\(run)")
    }
    #expect(try fixture.run("exec", "alice", "return x").output == "5\n")
  }

  @Test func theDocumentTellsHowCodeEnded() throws {
    let fixture = try Fixture()
    func exec(_ code: String) throws -> (code: Int32, document: JSON) {
      let result = try fixture.run("exec", "--json", "alice", code)
      return (result.code, try JSON(parsing: result.output))
    }
    let fine = try exec("return 1")
    #expect(fine.code == 0 && fine.document["status"] == "ok" && fine.document["exit_code"] == 0)
    let exit = try exec("print('said') os.exit(7)")
    #expect(exit.code == 7 && exit.document["status"] == "ok" && exit.document["exit_code"] == 7)
    #expect(exit.document["outputs"]?[0]?["text"] == "said\n")
    let failed = try exec("error('boom')")
    #expect(failed.code == 1 && failed.document["status"] == "error" && failed.document["exit_code"] == 1)
    #expect(failed.document["outputs"]?[0]?["ename"] == "RuntimeError")
    let ended = try exec("os.execute('kill -9 $PPID')")
    #expect(ended.code == 1 && ended.document["status"] == "kernel_ended", "\(ended)")
  }

  @Test(arguments: [[], ["--json"]]) func controlCIsAnExitCode(_ options: [String]) throws {
    let fixture = try Fixture()
    let started = fixture.folder + "/started"
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: FleetProcess.executable)
    process.arguments = ["exec"] + options + ["alice", "io.open('\(started)', 'w'):close() while true do end"]
    process.environment = ["HOME": fixture.folder, "FLEET_HOME": fixture.host.directory]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let deadline = ContinuousClock.now + .seconds(20)
    while !FileManager.default.fileExists(atPath: started) && ContinuousClock.now < deadline { usleep(2000) }
    process.interrupt()
    process.waitUntilExit()
    #expect(process.terminationStatus == 130)
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    guard !options.isEmpty else { return }
    let document = try JSON(parsing: text)
    #expect(document["status"] == "error" && document["exit_code"] == 130)
    #expect(document["outputs"]?[0]?["ename"] == "Interrupted")
  }
}
