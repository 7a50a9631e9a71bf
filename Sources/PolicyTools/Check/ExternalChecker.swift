// luacheck and lua-language-server, which know more of Lua than of Fleet: their findings beside ours.

import FleetConfiguration
import Glibc
import JSON
import PolicyHost

/// A checker that may be installed.
public enum ExternalChecker: String, Sendable, CaseIterable {
  case luacheck
  case languageServer = "lua-language-server"

  /// Where it is, by `PATH`; nil if it is not installed.
  public var executable: String? {
    for directory in (FilePath.environment("PATH") ?? "").split(separator: ":") {
      let path = "\(directory)/\(rawValue)"
      if access(path, X_OK) == 0 { return path }
    }
    return nil
  }

  /// - Throws: `ToolError` if it does not run.
  public func diagnostics(_ file: AuthorFile, executable: String) throws(ToolError) -> [Diagnostic] {
    switch self {
    case .luacheck: try luacheck(file, executable)
    case .languageServer: try languageServer(file, executable)
    }
  }

  // MARK: - luacheck

  /// Without what we say ourselves: globals (1…), unused variables (2…), unreachable code (511); and without the blanks of
  /// lines (6…), which are no mistakes.
  private func luacheck(_ file: AuthorFile, _ executable: String) throws(ToolError) -> [Diagnostic] {
    let arguments = [
      executable, "--formatter", "plain", "--codes", "--no-color", "--no-config", "--std", "lua54", "--ignore", "1",
      "2",
      "--", file.path,
    ]
    let run = try ToolRun(arguments)
    guard run.code <= 2 else { throw ToolError("\(rawValue) failed with exit code \(run.code): \(run.firstLine)") }
    return run.output.split(separator: "\n").compactMap { Self.luacheckFinding(String($0), file) }
  }

  /// `mine.lua:3:7: (W542) empty if branch`.
  static func luacheckFinding(_ line: String, _ file: AuthorFile) -> Diagnostic? {
    guard line.hasPrefix(file.path + ":") else { return nil }
    let parts = line.dropFirst(file.path.utf8.count + 1).split(separator: ":", maxSplits: 2)
    guard parts.count == 3, let row = Int(parts[0]), let column = Int(parts[1]),
      let found = parts[2].wholeMatch(of: /\s*\(([EW]\d+)\) (.*)/)
    else { return nil }
    return Diagnostic(
      found.1.hasPrefix("E") ? .error : .warning, String(found.1), path: file.path, line: row, column: column,
      String(found.2), tool: ExternalChecker.luacheck.rawValue)
  }

  // MARK: - lua-language-server

  /// It checks a directory, by the `.luarc.json` in it, and writes what it finds into a file.
  private func languageServer(_ file: AuthorFile, _ executable: String) throws(ToolError) -> [Diagnostic] {
    var template = Array("/tmp/fleet-check-XXXXXX".utf8CString)
    guard let made = template.withUnsafeMutableBufferPointer({ $0.baseAddress.flatMap { mkdtemp($0) } }) else {
      throw ToolError("no directory can be made for \(rawValue) in /tmp: \(String(cString: strerror(errno)))")
    }
    let scratch = String(cString: made)
    defer { Self.remove(scratch) }
    let directory = FilePath.directory(of: FilePath.absolute(file.path))
    let run = try ToolRun([
      executable, "--check=\(directory)", "--checklevel=Warning", "--check_format=json",
      "--check_out_path=\(scratch)/check.json", "--logpath=\(scratch)",
    ])
    guard run.code <= 1 else { throw ToolError("\(rawValue) failed with exit code \(run.code): \(run.firstLine)") }
    // Without a finding there is no file.
    guard TextFile.exists(scratch + "/check.json") else { return [] }
    do {
      return Self.languageServerFindings(try JSON(parsing: TextFile.read(scratch + "/check.json")), file)
    } catch { throw ToolError("what \(rawValue) wrote cannot be read: \(error)") }
  }

  static func languageServerFindings(_ document: JSON, _ file: AuthorFile) -> [Diagnostic] {
    guard case .object(let files) = document else { return [] }
    var found: [Diagnostic] = []
    for (uri, list) in files where uri.hasSuffix("/" + file.name) {
      guard case .array(let list) = list else { continue }
      for one in list {
        let start = one["range"]?["start"]
        found.append(
          Diagnostic(
            one["severity"]?.int == 1 ? .error : .warning, one["code"]?.string ?? "", path: file.path,
            line: Int(start?["line"]?.int ?? -1) + 1, column: Int(start?["character"]?.int ?? -1) + 1,
            one["message"]?.string ?? "", tool: ExternalChecker.languageServer.rawValue))
      }
    }
    return found
  }

  private static func remove(_ directory: String) {
    for name in FilePath.entries(of: directory) { unlink("\(directory)/\(name)") }
    rmdir(directory)
  }
}
