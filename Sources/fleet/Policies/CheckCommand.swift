// policy check: finds mistakes in policies. Needs no host.
import ArgumentParser
import FleetConfiguration
import JSON
import PolicyTools

struct PolicyCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Find mistakes in policies: syntax, names, answers, and what fails in small fleets.",
    discussion: """
      A policy is read, loaded in its sandbox and asked about fleets of none, one and 16 kernels. luacheck and \
      lua-language-server are asked too if they are installed. A FILE.test.lua is read, not run.
      Exit codes: 0 no errors (there may be warnings), 1 errors, 3 no such file.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable { case pretty, json }

  @Argument(help: ArgumentHelp("Policies: paths, or names as in fleet.toml.", valueName: "file"), completion: .file())
  var files: [String]

  @Option(help: "pretty or json.")
  var format: Format = .pretty

  @OptionGroup var directoryOptions: DirectoryOptions

  func run() throws {
    let locator = Locator(fleetDirectory: try directoryOptions.directory().path)
    var found: [Diagnostic] = []
    var problems: [String] = []
    for name in files {
      let file = try PolicyFile.read(name, locator)
      let own = PolicyCheck.diagnostics(file)
      found += own
      // What is not Lua to one is not Lua to the others.
      if own.contains(where: { $0.code == "syntax" }) { continue }
      for checker in ExternalChecker.allCases {
        guard let executable = checker.executable else { continue }
        do { found += try checker.diagnostics(file, executable: executable) } catch { problems.append("\(error)") }
      }
    }
    let missing = ExternalChecker.allCases.filter { $0.executable == nil }.map(\.rawValue)
    switch format {
    case .json: Output.json(Self.document(found, missing: missing, problems: problems))
    case .pretty: show(found, missing: missing, problems: problems)
    }
    if found.contains(where: { $0.severity == .error }) { throw CommandFailure(.failed) }
  }

  private static func document(_ found: [Diagnostic], missing: [String], problems: [String]) -> JSON {
    .object([
      "diagnostics": .array(found.map(\.json)), "not_installed": .array(missing.map(JSON.string)),
      "problems": .array(problems.map(JSON.string)),
    ])
  }

  private func show(_ found: [Diagnostic], missing: [String], problems: [String]) {
    for one in found { Output.line(Output.coloured(one.text, one.severity == .error ? .red : .yellow)) }
    let errors = found.count { $0.severity == .error }
    let warnings = Words.count(found.count - errors, "warning")
    Output.line("\(Words.count(files.count, "file")), \(Words.count(errors, "error")), \(warnings)")
    for problem in problems { Output.complain(problem) }
    if !missing.isEmpty { Output.note("not installed, so not asked: \(missing.joined(separator: ", "))") }
  }
}

/// A policy that is named on the command line.
enum PolicyFile {
  /// - Parameter name: a path, or a name as `fleet.toml` may have it.
  static func read(_ name: String, _ locator: Locator) throws -> AuthorFile {
    let path = try locator.find(name, .policy)
    let here = FilePath.workingDirectory() + "/"
    // Messages are about the file as its author knows it.
    return try AuthorFile(reading: path.hasPrefix(here) ? String(path.dropFirst(here.utf8.count)) : path)
  }
}
