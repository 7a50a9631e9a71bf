// A full disk under a fleet directory: what cannot be done is refused with a reason, and nothing that is there is lost.

import FleetEngine
import Foundation
import JSON
import Testing

@testable import FleetCore

@Suite(.enabled(if: SmallDisk.isPossible, "needs root, to mount a small disk")) struct HostStorageTests {
  @Test func aFullDiskRefusesAndLosesNothing() async throws {
    let disk = try SmallDisk()
    try await HostFixture.with(path: disk.path) { fleet in
      var host = try fleet.start { $0.engine.storageRetry = .milliseconds(50) }
      let kernel = try await host.spawn(fleet.request(["language": "python", "name": "alice"]))
      _ = try await fleet.execute(kernel, "x = 'still here'")
      try disk.fill()
      var refusals: [EngineError] = []
      for _ in 0..<30 where refusals.count < 3 {
        do { _ = try await host.spawn(fleet.request(["kernelspec": "ends"])) } catch let error as EngineError {
          // The registry's log may have room left while files have none.
          if error.code == .storage { refusals.append(error) } else { #expect(error.code == .startFailed) }
        }
      }
      #expect(refusals.count == 3, "a full disk was not noticed")
      for error in refusals {
        #expect(error.message.hasPrefix("the registry could not be written (cannot write the registry \(disk.path)"))
        #expect(error.message.hasSuffix("so nothing was started; make room and try again"))
      }
      #expect(host.storageProblem?.hasPrefix("cannot write the registry") == true)
      #expect(await Self.firing(host) == ["RegistryUnwritable"])
      // What is there goes on.
      #expect(await host.kernels().map(\.id) == [kernel.id])
      #expect(try await fleet.execute(kernel, "print(x)") == "still here")
      disk.makeRoom()
      let other = try await host.spawn(fleet.request())
      #expect(await eventually { host.storageProblem == nil })
      #expect(await Self.firing(host) == [])
      // The story of the bad times is there as well.
      #expect(fleet.log.lines.contains { $0.contains("events wait for a later try") })
      try await fleet.drop()
      let (database, _) = try RegistryDatabase.open(path: fleet.directory.database)
      #expect(try database.notes(of: nil, last: 1000).contains { $0.note.event == .storage })
      try database.close()

      host = try fleet.start()
      #expect(await Set(host.kernels().map(\.id)) == [kernel.id, other.id])
      #expect(try await fleet.execute(kernel, "print(x)") == "still here")
    }
  }

  private static func firing(_ host: FleetHost) async -> [String] {
    (await host.alerts()["alerts"]?.array ?? []).filter { $0["state"] == "firing" }.compactMap { $0["name"]?.string }
  }

  @Test func aKernelCanBeStoppedOnAFullDisk() async throws {
    let disk = try SmallDisk()
    try await HostFixture.with(path: disk.path) { fleet in
      let host = try fleet.start { $0.engine.storageRetry = .milliseconds(50) }
      let kernel = try await host.spawn(fleet.request())
      try disk.fill()
      // Stopped it is; whether that could be written is told.
      do { _ = try await host.stop(kernel.id, force: false, timeout: .seconds(5)) } catch let error as EngineError {
        #expect(error.code == .storage && error.message.hasPrefix("it is done, but the registry could not be written"))
      }
      #expect(!isAlive(try #require(kernel.pid)))
      disk.makeRoom()
      #expect(try await eventually { try KernelFileName.all(in: disk.path).isEmpty })
      try await fleet.drop()
      #expect(try RegistryDatabase.kernels(at: fleet.directory.database).isEmpty)
    }
  }

  /// Files without a row are rubbish, a row without its files is a kernel that lost its log and its variables.
  @Test func filesStayUntilTheDiskKnowsThatTheKernelIsGone() async throws {
    let disk = try SmallDisk()
    try await HostFixture.with(path: disk.path) { fleet in
      let host = try fleet.start { $0.engine.storageRetry = .milliseconds(50) }
      let kernel = try await host.spawn(fleet.request(["language": "python", "env_vars": ["KEY": "value"]]))
      _ = try? await fleet.execute(kernel, "import os; os._exit(0)", within: .milliseconds(500))
      _ = try await fleet.wait(host, kernel.id, for: .exited)
      let files = try KernelFileName.all(in: disk.path)
      #expect(files.contains("\(kernel.id).env"))
      try disk.fill()
      try await Self.fillLog(host, fleet)
      let error = await refusal { try await host.stop(kernel.id, force: false, timeout: .seconds(1)) }
      #expect(error?.code == .storage)
      // Nor are they rubbish: without them a host that is started anew would start the kernel again.
      #expect(try await host.cleanup()["removed"]?.array?.contains { $0["id"] == .string(kernel.id) } == false)
      #expect(try KernelFileName.all(in: disk.path) == files)
      disk.makeRoom()
      #expect(try await eventually { try KernelFileName.all(in: disk.path).isEmpty })
      try await fleet.drop()
      #expect(try RegistryDatabase.kernels(at: fleet.directory.database).isEmpty)
    }
  }

  /// Until the registry's log has no room either.
  private static func fillLog(_ host: FleetHost, _ fleet: HostFixture) async throws {
    for _ in 0..<50 {
      if await refusal({ try await host.spawn(fleet.request(["kernelspec": "ends"])) })?.code == .storage { return }
    }
    Issue.record("a full disk was not noticed")
  }
}
