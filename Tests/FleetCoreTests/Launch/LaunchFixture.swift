// A directory with real shims and kernels in it; everything is ended and removed however a test ends.

import Foundation
import Synchronization
import Testing

@testable import FleetCore

/// Waits for a condition by looking again and again; false when it never came.
func eventually(within limit: Duration = .seconds(10), _ condition: () async throws -> Bool) async rethrows -> Bool {
  let deadline = ContinuousClock.now + limit
  while try await !condition() {
    if ContinuousClock.now > deadline { return false }
    // A cancelled test ends at its deadline.
    try? await Task.sleep(for: .milliseconds(3))
  }
  return true
}

func isAlive(_ pid: Int32) -> Bool { ProcessStat(pid: pid)?.isAlive ?? false }

final class LaunchFixture: Sendable {
  let directory: String
  let events: DescriptorEvents
  private let running = Mutex<[LaunchedProcess]>([])

  /// Built next to the test's own executable.
  static let shim = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    .appending(path: "fleet-shim").path

  private init() throws {
    let template = FileManager.default.temporaryDirectory.appending(path: "fleet-launch-XXXXXX").path
    var bytes = Array(template.utf8CString)
    try #require(mkdtemp(&bytes) != nil)
    directory = String(decoding: bytes.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    try FileManager.default.createDirectory(atPath: directory + "/logs", withIntermediateDirectories: false)
    events = try DescriptorEvents()
  }

  static func with(_ body: (LaunchFixture) async throws -> Void) async throws {
    let fixture = try LaunchFixture()
    let result: Result<Void, any Error>
    do {
      try await body(fixture)
      result = .success(())
    } catch {
      result = .failure(error)
    }
    await fixture.tearDown()
    try result.get()
  }

  private func tearDown() async {
    for process in running.withLock({ $0 }) {
      if !process.shim.hasEnded { _ = try? await process.killSurely(events) }
      _ = process.shim.reap()
      _ = try? KernelRemains(id: process.id, nonce: process.nonce, directory: directory).clear()
    }
    try? FileManager.default.removeItem(atPath: directory)
  }

  func launcher(_ roots: CgroupRoots = CgroupRoots()) -> LocalLauncher {
    LocalLauncher(shim: Self.shim, roots: roots, events: events)
  }

  /// A request for a kernel of its own, with the environment that such a test needs and no more.
  func request(
    _ arguments: [String], id: String = "kernel-" + UUID().uuidString.prefix(8).lowercased(), nonce: String = "n1",
    environment: [String: String] = [:], rotation: LogRotation = LogRotation(), limits: LaunchLimits = LaunchLimits(),
    hardening: LaunchHardening = .init(), workingDirectory: String? = nil, isBestEffort: Bool = false
  ) -> LaunchRequest {
    var variables = environment
    variables["PATH"] = variables["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
    variables["FLEET_NONCE"] = nonce + "-" + directory.suffix(6)
    return LaunchRequest(
      id: id, nonce: nonce + "-" + directory.suffix(6), directory: directory, arguments: arguments,
      environment: variables, logFile: "\(directory)/logs/\(id).log", rotation: rotation, limits: limits,
      hardening: hardening, workingDirectory: workingDirectory, isBestEffort: isBestEffort)
  }

  func launch(_ request: LaunchRequest, _ roots: CgroupRoots = CgroupRoots()) async throws -> LaunchedProcess {
    let process = try await launcher(roots).launch(request)
    running.withLock { $0.append(process) }
    return process
  }

  func shell(_ script: String, rotation: LogRotation = LogRotation()) async throws -> LaunchedProcess {
    try await launch(request(["sh", "-c", script], rotation: rotation))
  }

  func log(_ process: LaunchedProcess) -> String { "\(directory)/logs/\(process.id).log" }

  func lines(_ process: LaunchedProcess) -> [String] {
    (try? LogTail.last(1_000_000, of: log(process)))?.lines ?? []
  }

  func wait(for line: String, of process: LaunchedProcess) async -> Bool {
    await eventually { lines(process).contains(line) }
  }

  /// The end of a shim that this process started, and what it wrote about it.
  func end(of process: LaunchedProcess, within limit: Duration = .seconds(20)) async throws -> ExitRecord? {
    let copy = try process.shim.duplicate()
    try #require(try await events.readable(copy.descriptor, within: limit) == .ready)
    _ = process.shim.reap()
    return try ExitRecord.read(id: process.id, nonce: process.nonce, directory: directory)
  }

  /// Makes an empty file, for which a script waits.
  func touch(_ path: String) throws { try Data().write(to: URL(filePath: path)) }

  func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: "\(directory)/\(name)") }

  func text(_ name: String) -> String? { try? String(contentsOfFile: "\(directory)/\(name)", encoding: .utf8) }

  /// A number that a kernel wrote into a file of the directory.
  func number(in name: String) async throws -> Int32 {
    var number: Int32?
    let found = await eventually {
      // Only a whole line counts.
      number = text(name).flatMap { $0.hasSuffix("\n") ? Int32($0.dropLast()) : nil }
      return number != nil
    }
    try #require(found, "nothing in \(name)")
    return try #require(number)
  }
}
