// Runs the built `fleet` as a user would.
import Foundation
import Glibc

struct FleetProcess {
  var code: Int32
  var output: String
  var error: String

  /// Beside the running test.
  static var executable: String {
    guard let path = realpath("/proc/self/exe", nil) else { return "fleet" }
    defer { free(path) }
    return URL(fileURLWithPath: String(cString: path)).deletingLastPathComponent().path + "/fleet"
  }

  /// Runs `fleet` to its end.
  /// - Parameters:
  ///   - directory: its fleet directory.
  ///   - program: what is run, if not `fleet` itself.
  ///   - environment: beside HOME and PATH, which lead nowhere near the user's own.
  static func run(
    _ arguments: [String], in directory: String, environment: [String: String] = [:], input: String = "",
    program: String = executable
  ) throws -> FleetProcess {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.environment = ["HOME": directory, "PATH": "/usr/bin:/bin", "FLEET_HOME": directory]
      .merging(environment) { _, given in given }
    process.currentDirectoryURL = URL(fileURLWithPath: directory)
    // Files, because two pipes that are read one after the other can block their writer.
    let folder = TestFiles.directory()
    defer { TestFiles.remove(folder) }
    try Data(input.utf8).write(to: URL(fileURLWithPath: folder + "/in"))
    for name in ["out", "err"] { try Data().write(to: URL(fileURLWithPath: "\(folder)/\(name)")) }
    process.standardInput = try FileHandle(forReadingFrom: URL(fileURLWithPath: folder + "/in"))
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: folder + "/out"))
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: folder + "/err"))
    try process.run()
    process.waitUntilExit()
    return FleetProcess(
      code: process.terminationStatus, output: try String(contentsOfFile: folder + "/out", encoding: .utf8),
      error: try String(contentsOfFile: folder + "/err", encoding: .utf8))
  }
}
