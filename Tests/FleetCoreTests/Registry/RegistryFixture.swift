// Kernels and directories for tests of the registry.

import FleetEngine
import Foundation
import Testing

@testable import FleetCore

/// A directory that is removed when the last reference goes.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    var bytes = Array(FileManager.default.temporaryDirectory.appending(path: "fleet-core-XXXXXX").path.utf8CString)
    try #require(mkdtemp(&bytes) != nil)
    path = String(decoding: bytes.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  func names() -> [String] { SmallFile.names(in: path).sorted() }
}

func fileMode(_ path: String) -> mode_t? {
  var status = stat()
  return stat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
}

extension KernelID {
  /// The n-th of a row of ids.
  static func number(_ n: Int) -> KernelID {
    let digits = String(n, radix: 16)
    let first = String(repeating: "0", count: 8 - digits.count) + digits
    guard let id = KernelID(uuid: "\(first)-0000-4000-8000-000000000000") else { fatalError("not a UUID") }
    return id
  }
}

extension Kernel {
  /// A kernel in whose row everything that can be said is said.
  static func complete(_ n: Int = 1) -> Kernel {
    let specification = Specification(
      kernelspec: "python3", language: "python", config: "/configs/öpen \"ai\".toml", provider: "openai",
      model: "gpt", name: "alice-\(n)", labels: ["team": "α", "": "empty", "nul": "a\u{0}b"], owner: "anna",
      pool: "python",
      limits: Limits(
        memory: 1_610_612_736, cpu: 0.25, processes: 64, openFiles: 256, fileSize: 1 << 40, nice: -3, bestEffort: true),
      hardening: Hardening(privateTmp: true, landlock: false, seccomp: true),
      port: 9_600, workingDirectory: "/tmp/unter wegs")
    var kernel = Kernel(
      id: .number(n), serial: n, specification: specification, key: "0123456789abcdef", port: 9_555 + 5 * n)
    kernel.generation = 7
    kernel.status = .backoff
    kernel.restarts = 6
    kernel.exit = ExitInfo(
      code: nil, signal: 9, outOfMemory: true, limit: .machineMemory, isIdle: true, isUnseen: true,
      detail: "last\nwords \u{1}\u{7f}", endedAt: 1_700_000_000_123,
      isLost: true)
    kernel.process = FleetEngine.Process(shim: 11, kernel: 12, startedAt: 1_700_000_000_000)
    kernel.sessions = ["s1", "s2"]
    kernel.wasReady = true
    kernel.isClaimed = true
    kernel.wasUsed = true
    kernel.isDraining = true
    kernel.afterStop = .fail("it did not answer")
    return kernel
  }

  /// A kernel of which as little is known as possible.
  static func bare(_ n: Int = 1) -> Kernel {
    Kernel(
      id: .number(n), serial: n, specification: Specification(kernelspec: "lua", language: "lua"), key: "k",
      port: 9_555 + 5 * n)
  }

  /// The part that is written to the registry.
  var durable: Kernel {
    var kernel = self
    kernel.process = nil
    return kernel
  }
}

extension RegistryDatabase {
  /// The kernels that a host would find.
  static func kernels(at path: String) throws -> [Kernel] {
    let (database, content) = try open(path: path)
    try database.close()
    return content.kernels.map(\.kernel)
  }
}
