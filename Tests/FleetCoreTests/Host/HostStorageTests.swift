// A full disk under a fleet directory: what cannot be done is refused with a reason, and nothing that is there is lost.

import FleetEngine
import Foundation
import JSON
import Testing

@testable import FleetCore

@Suite(.enabled(if: SmallDisk.isPossible, "needs root, to mount a small disk")) struct HostStorageTests {
  /// With some pages left, a small change can still be written where a larger one could not.
  @Test(arguments: [0, 3, 8]) func aFullDiskRefusesAndLosesNothing(pages: Int) async throws {
    let disk = try SmallDisk()
    try await HostFixture.with(path: disk.path) { fleet in
      var host = try fleet.start { $0.engine.storageRetry = .milliseconds(50) }
      let kernel = try await host.spawn(fleet.request(["language": "python", "name": "alice"]))
      _ = try await fleet.execute(kernel, "x = 'still here'")
      try disk.fill(leaving: pages)
      var refusals: [EngineError] = []
      var isTold = false
      for _ in 0..<60 {
        do { _ = try await host.spawn(fleet.request(["kernelspec": "ends"])) } catch let error as EngineError {
          // The registry's log may have room left while files have none.
          if error.code == .storage { refusals.append(error) } else { #expect(error.code == .startFailed) }
        }
        let firing = await Self.firing(host)
        let isKnown = host.storageProblem?.hasPrefix("cannot write the registry") == true
        isTold = isKnown && firing == ["RegistryUnwritable"]
        if refusals.count >= 3, isTold { break }
      }
      #expect(refusals.count >= 3 && isTold, "a full disk was not noticed")
      for error in refusals {
        #expect(error.message.hasPrefix("the registry could not be written (cannot write the registry \(disk.path)"))
        #expect(error.message.hasSuffix("so nothing was started; make room and try again"))
      }
      // What is there goes on.
      #expect(await host.kernels().map(\.id) == [kernel.id])
      #expect(try await fleet.execute(kernel, "print(x)") == "still here")
      disk.makeRoom()
      let other = try await host.spawn(fleet.request())
      #expect(await eventually { host.storageProblem == nil })
      #expect(await eventually { await Self.firing(host) == [] })
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
  @Test(arguments: [0, 3, 8]) func filesStayUntilTheDiskKnowsThatTheKernelIsGone(pages: Int) async throws {
    let disk = try SmallDisk()
    try await HostFixture.with(path: disk.path) { fleet in
      let host = try fleet.start { $0.engine.storageRetry = .milliseconds(50) }
      let kernel = try await host.spawn(fleet.request(["language": "python", "env_vars": ["KEY": "value"]]))
      _ = try? await fleet.execute(kernel, "import os; os._exit(0)", within: .milliseconds(500))
      _ = try await fleet.wait(host, kernel.id, for: .exited)
      let files = try KernelFileName.all(in: disk.path)
      #expect(files.contains("\(kernel.id).env"))
      try disk.fill(leaving: pages)
      try await Self.fillLog(host)
      let error = await refusal { try await host.stop(kernel.id, force: false, timeout: .seconds(1)) }
      #expect(error?.code == .storage)
      // Nor are they rubbish: without them a host that is started anew would start the kernel again.
      #expect(try await host.cleanup()["removed"]?.array?.contains { $0["id"] == .string(kernel.id) } == false)
      #expect(try Set(KernelFileName.all(in: disk.path)).isSuperset(of: files))
      disk.makeRoom()
      #expect(try await eventually { try KernelFileName.all(in: disk.path).isEmpty })
      try await fleet.drop()
      #expect(try RegistryDatabase.kernels(at: fleet.directory.database).isEmpty)
    }
  }

  /// Until the registry's log has no room left for a row that is there already, either.
  private static func fillLog(_ host: FleetHost) async throws {
    let (kernel, writer) = (try #require(await host.engine.kernels.values.first), await host.writer)
    for _ in 0..<100 {
      let isFull = await withCheckedContinuation { continuation in
        let completion = { @Sendable (result: Result<Void, StorageError>) in
          continuation.resume(returning: (try? result.get()) == nil)
        }
        writer.submit(.init(changes: [.put(kernel, backoff: nil)], durable: true, completion: completion))
      }
      if isFull { return }
    }
    Issue.record("a full disk was not noticed")
  }
}
