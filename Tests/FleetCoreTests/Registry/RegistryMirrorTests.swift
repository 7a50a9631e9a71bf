// registry.json: written soon after a change, in one step, and not once for each change.

import Foundation
import JSON
import Synchronization
import Testing

@testable import FleetCore

@Suite struct RegistryMirrorTests {
  @Test func manyChangesMakeOneDocument() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("registry.json")
    let mirror = RegistryMirror(path: path, log: .silent)
    let count = Mutex(0)
    for _ in 0..<50 {
      mirror.changed {
        let made = count.withLock { count in
          count += 1
          return count
        }
        return ["made": JSON(made)]
      }
    }
    #expect(await eventually { FileManager.default.fileExists(atPath: path) })
    #expect(count.withLock { $0 } == 1)
    #expect(try JSON(parsing: Data(contentsOf: URL(filePath: path))) == ["made": 1])
    #expect(fileMode(path) == 0o600)
    mirror.changed { ["made": "again"] }
    #expect(await eventually { (try? JSON(parsing: Data(contentsOf: URL(filePath: path)))) == ["made": "again"] })
    #expect(directory.names() == ["registry.json"])
  }

  @Test func whatIsAnotherHostsToTellIsNotWritten() async throws {
    let directory = try TemporaryDirectory()
    let mirror = RegistryMirror(path: directory.file("registry.json"), log: .silent)
    let asked = Mutex(false)
    mirror.changed {
      asked.withLock { $0 = true }
      return nil
    }
    #expect(await eventually { asked.withLock { $0 } })
    await mirror.write(["last": 1])
    #expect(try JSON(parsing: Data(contentsOf: URL(filePath: directory.file("registry.json")))) == ["last": 1])
  }
}
