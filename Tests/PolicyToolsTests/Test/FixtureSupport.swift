// Policies and fixtures in a directory of a test's own.

import Glibc
import PolicyTools
import Testing

/// A directory that is gone when the test is over.
final class AuthorDirectory: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/fleet-authors-XXXXXX".utf8CString)
    path = try template.withUnsafeMutableBufferPointer { String(cString: try #require(mkdtemp($0.baseAddress!))) }
  }

  deinit {
    guard let directory = opendir(path) else { return }
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      unlink("\(path)/\(name)")
    }
    closedir(directory)
    rmdir(path)
  }

  /// Writes a file and returns its path.
  @discardableResult
  func write(_ name: String, _ text: String) throws -> String {
    let file = "\(path)/\(name)"
    let stream = try #require(fopen(file, "w"))
    fputs(text, stream)
    try #require(fclose(stream) == 0)
    return file
  }

  /// Runs Lua tests of a policy, which is the fewest-clients one if none is given.
  func run(policy: String = routePolicy, lua fixture: String) throws -> TestReport {
    let file = try write("p.lua", policy)
    try write("p.test.lua", fixture)
    return PolicyFixtures.run(policyPath: file)
  }

  func run(policy: String = routePolicy, toml fixture: String) throws -> TestReport {
    let file = try write("p.lua", policy)
    try write("p.test.toml", fixture)
    return PolicyFixtures.run(policyPath: file)
  }
}

let routePolicy = """
  return {
    route = function(request, fleet)
      local kernel = fleet:match(request):least("clients")
      if kernel then return { use = kernel.id }, "fewest clients" end
      return { spawn = { language = request.language } }, "nothing matches"
    end,
  }
  """

extension TestReport {
  /// The failure of the test with this name.
  func failure(_ name: String) -> TestFailure? {
    fixtures.flatMap(\.tests).first { $0.name.last == name }?.failure
  }

  var names: [String] { fixtures.flatMap(\.tests).map(\.title) }
}
