// What a kernel starts with, and what is said when it cannot start.

import Foundation
import Testing

@testable import FleetCore

@Suite struct LaunchStartTests {
  /// The error of a launch that must fail, after which nothing may be left.
  private func failure(_ fleet: LaunchFixture, _ request: LaunchRequest) async -> LaunchError? {
    do throws(LaunchError) {
      let process = try await fleet.launcher().launch(request)
      _ = try? await process.killSurely(fleet.events)
      return nil
    } catch {
      #expect(!fleet.exists("\(request.id).pid") && !fleet.exists("\(request.id).exit"))
      return error
    }
  }

  @Test func environmentIsExactlyWhatWasGiven() async throws {
    try await LaunchFixture.with { fleet in
      setenv("FLEET_TEST_OF_THE_HOST", "1", 1)
      let given = ["EMPTY": "", "TEXT": "a b\tc=ü 🚀", "LINES": "one\ntwo", "LD_LIBRARY_PATH": "/nowhere"]
      let request = fleet.request(["cat", "/proc/self/environ"], environment: given)
      let process = try await fleet.launch(request)
      #expect(try await fleet.end(of: process)?.ending == .code(0))
      let text = try #require(fleet.text("logs/\(process.id).log"))
      let pairs = text.split(separator: "\0").map {
        $0.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      }
      let seen = Dictionary(uniqueKeysWithValues: pairs.map { (String($0[0]), String($0[1])) })
      #expect(seen == request.environment)
    }
  }

  @Test func onlyThreeDescriptorsAndASessionOfItsOwn() async throws {
    try await LaunchFixture.with { fleet in
      let leak = open("/dev/null", O_RDONLY)  // inheritable on purpose
      defer { close(leak) }
      let process = try await fleet.shell(
        """
        i=0; while [ $i -lt 64 ]; do [ -e /proc/$$/fd/$i ] && echo fd $i; i=$((i+1)); done
        cut -d' ' -f5,6 /proc/$$/stat; grep NoNewPrivs /proc/$$/status
        """)
      #expect(try await fleet.end(of: process)?.ending == .code(0))
      let expected = ["fd 0", "fd 1", "fd 2", "\(process.kernel) \(process.kernel)", "NoNewPrivs:\t1"]
      #expect(fleet.lines(process) == expected)
    }
  }

  @Test func workingDirectory() async throws {
    try await LaunchFixture.with { fleet in
      let process = try await fleet.launch(fleet.request(["pwd"], workingDirectory: fleet.directory))
      #expect(try await fleet.end(of: process)?.ending == .code(0))
      #expect(fleet.lines(process) == [fleet.directory])
      let error = await failure(fleet, fleet.request(["pwd"], workingDirectory: "/nowhere"))
      #expect(error?.step == .workingDirectory && error?.code == ENOENT)
      #expect(error?.description.contains("/nowhere") == true)
    }
  }

  @Test func aMissingProgramIsNamedWithThePath() async throws {
    try await LaunchFixture.with { fleet in
      let error = await failure(fleet, fleet.request(["no-such-program"], environment: ["PATH": "/usr/bin:/bin"]))
      #expect(error?.step == .execute && error?.code == ENOENT)
      #expect(error?.description.contains("\"no-such-program\"") == true)
      #expect(error?.description.contains("PATH=/usr/bin:/bin") == true)
    }
  }

  @Test func aFileThatIsNoProgram() async throws {
    try await LaunchFixture.with { fleet in
      let path = fleet.directory + "/notes.txt"
      try Data("hello".utf8).write(to: URL(filePath: path))
      let error = await failure(fleet, fleet.request([path]))
      #expect(error?.step == .execute && error?.code == EACCES)
      #expect(error?.description.contains("not executable") == true)
    }
  }

  @Test func requestsThatMakeNoSense() async throws {
    try await LaunchFixture.with { fleet in
      #expect(await failure(fleet, fleet.request([]))?.step == .arguments)
      #expect(await failure(fleet, fleet.request(["true", "a\0b"]))?.step == .arguments)
      #expect(await failure(fleet, fleet.request(["true"], environment: ["A=B": "1"]))?.step == .arguments)
      #expect(await failure(fleet, fleet.request(["true"], id: "../x"))?.step == .arguments)
      let huge = String(repeating: "x", count: 4 << 20)
      #expect(await failure(fleet, fleet.request(["true", huge]))?.step == .spawn)
    }
  }

  @Test func placesThatCannotBeWritten() async throws {
    try await LaunchFixture.with { fleet in
      var request = fleet.request(["true"])
      request.logFile = fleet.directory + "/missing/x.log"
      #expect(await failure(fleet, request)?.step == .log)
      request.directory = "/nowhere"
      #expect(await failure(fleet, request)?.step == .directory)
      let launcher = LocalLauncher(shim: "/nowhere/fleet-shim", roots: CgroupRoots(), events: fleet.events)
      await #expect { _ = try await launcher.launch(fleet.request(["true"])) } throws: { error in
        (error as? LaunchError)?.step == .spawn && "\(error)".contains("/nowhere/fleet-shim")
      }
    }
  }

  @Test func aSecondLaunchIsRefusedAndHarmsNothing() async throws {
    try await LaunchFixture.with { fleet in
      let process = try await fleet.shell("sleep 1000")
      do {
        _ = try await fleet.launch(fleet.request(["true"], id: process.id, nonce: "n2"))
        Issue.record("two shims hold one lock")
      } catch let error as LaunchError {
        #expect(error.step == .lock)
        #expect(error.description.contains("\(process.shim.pid)"))
      }
      #expect(isAlive(process.kernel))
      #expect(fleet.text("\(process.id).pid") == "\(process.kernel)\n")
    }
  }

  @Test func manyAtOnce() async throws {
    try await LaunchFixture.with { fleet in
      let codes = try await withThrowingTaskGroup(of: ExitRecord.Ending?.self) { group in
        for code in 0..<20 {
          group.addTask { try await fleet.end(of: fleet.shell("exit \(code)"))?.ending }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(Set(codes) == Set((0..<20).map { .code($0) }))
    }
  }
}
