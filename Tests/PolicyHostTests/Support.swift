// Policies in files of a directory of their own, and kernels to decide about.

import FleetEngine
import Glibc
import LuaRuntime
import PolicyHost
import Synchronization
import Testing

/// A directory that is gone when the test is over.
final class PolicyDirectory: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/fleet-policies-XXXXXX".utf8CString)
    path = try template.withUnsafeMutableBufferPointer {
      String(cString: try #require(mkdtemp($0.baseAddress!)))
    }
  }

  deinit {
    for name in names { unlink(name) }
    rmdir(path)
  }

  private var names: [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if name != "." && name != ".." { names.append("\(path)/\(name)") }
    }
    return names
  }

  /// Removes a directory of plain files in it.
  func removeFolder(_ name: String) {
    guard let directory = opendir("\(path)/\(name)") else { return }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let file = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      unlink("\(path)/\(name)/\(file)")
    }
    rmdir("\(path)/\(name)")
  }

  /// Replaces a file, as an editor does, and returns its path.
  @discardableResult
  func write(_ name: String, _ text: String) throws -> String {
    let file = "\(path)/\(name)"
    let descriptor = open(file + ".new", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    try #require(descriptor >= 0)
    let bytes = Array(text.utf8)
    try #require(Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
    close(descriptor)
    try #require(rename(file + ".new", file) == 0)
    return file
  }

  /// A host with one policy whose route function has this body.
  func host(route body: String, budget: PolicyBudget = PolicyBudget(), log: Log = Log()) throws -> PolicyHost {
    let file = try write("test.lua", "return {\n  route = function(request, fleet)\n    \(body)\n  end,\n}\n")
    return PolicyHost(route: [file], budget: budget, log: log.take)
  }
}

/// What policies logged.
final class Log: Sendable {
  private let messages = Mutex<[PolicyMessage]>([])

  @Sendable func take(_ message: PolicyMessage) { messages.withLock { $0.append(message) } }

  var fromPolicies: [String] { messages.withLock { $0.filter { !$0.isFromHost }.map(\.text) } }
  var fromHost: [String] { messages.withLock { $0.filter(\.isFromHost).map(\.text) } }
}

extension PolicyHost {
  /// Waits for an answer.
  func decide(_ requirements: Requirements = Requirements(), seed: UInt64 = 1) async -> PolicyAnswer {
    let question = PolicyQuestion(.route(requirements), now: Instant(nanoseconds: 12_500_000_000), seed: seed)
    return await withCheckedContinuation { continuation in ask(question) { continuation.resume(returning: $0) } }
  }
}

/// A budget for tests of what is answered rather than of how fast: the machine may be busy.
let patient = PolicyBudget(route: .seconds(5), load: .seconds(5), grace: .seconds(30))

/// A kernel's row.
func row(
  _ serial: Int, language: String = "lua", config: String? = nil, provider: String? = nil, memory: Int64? = nil,
  labels: [String: String] = [:], owner: String = "", clients: Int = 0, status: Status = .idle, sessions: [String] = []
) -> KernelRow {
  let digits = String(repeating: "0", count: 8 - String(serial).count) + String(serial)
  let id = KernelID(uuid: "\(digits)-0000-4000-8000-000000000000")!
  var kernel = Kernel(
    id: id, serial: serial,
    specification: Specification(
      kernelspec: "fleet-lua", language: language, config: config, provider: provider, labels: labels, owner: owner,
      limits: Limits(memory: memory)), key: "", port: 9555 + 5 * serial)
  kernel.status = status
  kernel.sessions = sessions
  kernel.connections = clients
  return KernelRow(kernel)
}
