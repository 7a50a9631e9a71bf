// `fleet policy init`: a policy, its test and what an editor needs, in a directory that may be empty.

import FleetConfiguration
import Glibc

public struct PolicyInit: Sendable {
  /// Paths of the files that were written, in order.
  public private(set) var written: [String] = []
  /// Paths of files that were there already and stay as they are.
  public private(set) var kept: [String] = []

  /// Writes `NAME.lua`, `NAME.test.lua`, `.luarc.json` and `fleet.d.lua`. The last two are for all policies of a
  /// directory, and stay if they are there. No file is ever overwritten.
  /// - Parameter path: the policy's name, perhaps behind a directory, with or without `.lua`.
  /// - Throws: `ToolError` if the name is none, one of the first two files is there, or a file cannot be written.
  public init(_ path: String) throws(ToolError) {
    let stem = path.hasSuffix(".lua") ? String(path.dropLast(4)) : path
    let name = FilePath.name(of: stem)
    guard Self.isName(name), !stem.hasSuffix("/") else {
      throw ToolError("\"\(path)\" is no name for a policy: it takes letters, digits, '_' and '-', as in: my_policy")
    }
    let directory = stem.contains("/") ? FilePath.directory(of: stem) + "/" : ""
    let own = [
      (stem + ".lua", PolicyTemplate.policy(name)), (stem + ".test.lua", PolicyTemplate.test(name)),
    ]
    for (path, _) in own where Self.exists(path) {
      throw ToolError("\(path) is there already; choose another name, or move it away")
    }
    for (path, text) in own { try write(text, path) }
    for (name, text) in [(".luarc.json", PolicyTemplate.settings), (DefinitionFile.name, DefinitionFile.text)] {
      if Self.exists(directory + name) { kept.append(directory + name) } else { try write(text, directory + name) }
    }
  }

  /// What can be a file's name, and a word in a test.
  private static func isName(_ name: String) -> Bool {
    guard let first = name.utf8.first, LuaLexer.isLetter(first) else { return false }
    return name.utf8.allSatisfy { LuaLexer.isLetter($0) || LuaLexer.isDigit($0) || $0 == UInt8(ascii: "-") }
  }

  private static func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  private mutating func write(_ text: String, _ path: String) throws(ToolError) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Self.failure(path) }
    defer { close(descriptor) }
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 { rest = rest.dropFirst(count) } else if errno != EINTR { throw Self.failure(path) }
    }
    written.append(path)
  }

  private static func failure(_ path: String) -> ToolError {
    ToolError("cannot write \(path): \(String(cString: strerror(errno)))")
  }
}
