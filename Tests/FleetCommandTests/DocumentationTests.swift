// The documents' own words, executed: the files that they show are written, the commands are run against a real host and
// real kernels, and what they print is compared with what the document says.
import Foundation
import Testing

@Suite(.serialized) struct DocumentationTests {
  @Test(arguments: [
    "README.md", "docs/policies.md", "docs/lua-api.md", "docs/operations.md", "docs/policy-testing.md",
    "docs/policy-library.md", "docs/policy-simulation.md", "docs/metrics.md",
  ])
  func whatADocumentShowsHappens(_ name: String) throws { try follow(name) }

  @Test(.enabled(if: ["jq", "curl"].allSatisfy { FileManager.default.isExecutableFile(atPath: "/usr/bin/\($0)") }))
  func whatTheHTTPDocumentShowsHappens() throws { try follow("docs/http.md", programs: Reader.package + "/.venv/bin") }

  @Test(.enabled(if: ["jq", "curl"].allSatisfy { FileManager.default.isExecutableFile(atPath: "/usr/bin/\($0)") }))
  func whatTheDocumentOfAccessShowsHappens() throws { try follow("docs/access.md") }

  @Test(.enabled(if: ["jq", "curl"].allSatisfy { FileManager.default.isExecutableFile(atPath: "/usr/bin/\($0)") }))
  func whatTheDocumentOfJupyterShowsHappens() throws {
    try follow("docs/jupyter.md", programs: Reader.package + "/.venv/bin")
  }

  /// - Parameter programs: a directory whose programs come first.
  private func follow(_ name: String, programs: String? = nil) throws {
    let document = try Document(String(contentsOfFile: Reader.package + "/" + name, encoding: .utf8))
    try #require(!document.commands.isEmpty)
    let reader = try Reader()
    defer { reader.leave() }
    let outputs = try reader.follow(document, programs: programs)
    try #require(outputs.count == document.commands.count, "it stopped after \(outputs.last ?? "nothing")")
    let plain = Plain(reader)
    for (command, output) in zip(document.commands, outputs) {
      let (shown, printed) = (plain.lines(of: command.output), plain.lines(of: output))
      #expect(shown == printed, "\(name):\(command.line): \(command.text)")
    }
  }
}

/// What can be run of a document: fenced blocks whose first line is a comment `file: NAME`, and transcripts (```console)
/// with commands behind `$ `.
private struct Document {
  struct Command {
    var text: String
    var output: String
    var line: Int
  }

  enum Step {
    case file(name: String, text: String)
    case command(Command)
  }

  private(set) var steps: [Step] = []

  var commands: [Command] { steps.compactMap { if case .command(let command) = $0 { command } else { nil } } }

  init(_ text: String) throws {
    var fence: (language: String, lines: [String], start: Int)?
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init).enumerated() {
      if let open = fence, line == "```" {
        add(open.language, open.lines, open.start)
        fence = nil
      } else if fence != nil {
        fence?.lines.append(line)
      } else if line.hasPrefix("```") {
        fence = (String(line.dropFirst(3)), [], index + 2)
      }
    }
  }

  private mutating func add(_ language: String, _ lines: [String], _ start: Int) {
    if let name = lines.first?.wholeMatch(of: /(?:--|#) file: (\S+)/)?.1 {
      steps.append(.file(name: String(name), text: lines.joined(separator: "\n") + "\n"))
    }
    guard language == "console" else { return }
    var found: [Command] = []
    for (offset, line) in lines.enumerated() {
      if line.hasPrefix("$ ") {
        found.append(Command(text: String(line.dropFirst(2)), output: "", line: start + offset))
      } else if !found.isEmpty {
        found[found.count - 1].output += line + "\n"
      }
    }
    steps += found.map(Step.command)
  }
}

/// Somebody who does what a document says, in a home directory of their own and on ports of their own.
private struct Reader {
  let home = TestFiles.directory()
  let base: Int
  var fleetDirectory: String { home + "/.llmspell/fleet" }

  static var package: String {
    (0..<3).reduce(#filePath) { path, _ in (path as NSString).deletingLastPathComponent }
  }

  private var settings: String { "[host]\nhttp = \"\"\n[ports]\nbase = \(base)\n" }

  init() throws {
    // Below the ports that the system hands out by itself; a port that is taken is skipped by the host, and told here.
    base = 5 * Int.random(in: 2200...6300)
    try FileManager.default.createDirectory(
      atPath: fleetDirectory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    try settings.write(toFile: fleetDirectory + "/fleet.toml", atomically: true, encoding: .utf8)
    for folder in ["examples", "policies"] {
      try FileManager.default.createSymbolicLink(
        atPath: "\(home)/\(folder)", withDestinationPath: "\(Self.package)/\(folder)")
    }
  }

  /// What each command printed, as far as it came.
  func follow(_ document: Document, programs: String? = nil) throws -> [String] {
    var script = "exec 2>&1\n"
    for (index, step) in document.steps.enumerated() {
      switch step {
      case .file(let name, let text):
        // The shell puts it into place when its turn comes.
        let path = name.replacing("~", with: home)
        let isConfiguration = path == fleetDirectory + "/fleet.toml"
        let source = "\(home)/step-\(index)"
        try (isConfiguration ? settings + text : text).write(toFile: source, atomically: true, encoding: .utf8)
        script += "(cd \(home); mkdir -p \"$(dirname \(path))\"; cp \(source) \(path))\n"
      case .command(let command): script += "\(command.text)\nprintf '\\036'\n"
      }
    }
    try script.write(toFile: home + "/script", atomically: true, encoding: .utf8)
    let run = try bash(["300", "/bin/bash", home + "/script"], programs: programs)
    return run.output.split(separator: "\u{1E}", omittingEmptySubsequences: false).dropLast().map(String.init)
  }

  func leave() {
    // Whatever became of the commands: nothing of theirs is left running.
    _ = try? bash(["60", FleetProcess.executable, "up"])
    _ = try? bash(["60", FleetProcess.executable, "down", "--kernels"])
    TestFiles.remove(home)
  }

  private func bash(_ arguments: [String], programs: String? = nil) throws -> FleetProcess {
    let ours = (FleetProcess.executable as NSString).deletingLastPathComponent
    let places = [ours, programs, "/usr/bin", "/bin"].compactMap(\.self).joined(separator: ":")
    return try FleetProcess.run(
      arguments, in: home, environment: ["PATH": places, "FLEET_HOME": fleetDirectory],
      program: "/usr/bin/timeout")
  }
}

/// Takes out of a transcript what differs from run to run: places, ports, ids, pids, times, and columns' widths.
private struct Plain {
  private let reader: Reader

  init(_ reader: Reader) { self.reader = reader }

  func lines(of output: String) -> [String] {
    output.split(separator: "\n").map(String.init).filter { !Self.isOfTheMachine($0) }.map(plain)
  }

  /// What other programs are installed, and how fast this machine is just now.
  private static func isOfTheMachine(_ line: String) -> Bool {
    line.hasPrefix("fleet: not installed, so not asked") || line.hasPrefix("fleet: simulated ")
      || line.contains("took longer than a host waits")
  }

  private func plain(_ line: String) -> String {
    var line = line.replacing(reader.home, with: "/home/ann")
    line = line.replacing(Reader.package + "/", with: "/usr/local/share/fleet/")
    line = line.replacing(/\b\d{5}\b/) { match in
      let offset = Int(match.output).map { $0 - reader.base } ?? -1
      return (0..<200).contains(offset) ? "\(9555 + offset)" : String(match.output)
    }
    line = line.replacing(/\d{4}-\d\d-\d\dT[\d:.]+Z/, with: "TIME")
    line = line.replacing(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/, with: "UUID")
    line = line.replacing(/kernel-[0-9a-f]{8}/, with: "kernel-ID").replacing(/silence [0-9a-f]{8}/, with: "silence ID")
    line = line.replacing(/\b([0-9a-f]{64}|\([0-9a-f]{8}\))/, with: "HASH").replacing(/\([0-9a-f]{8}\)/, with: "(HASH)")
    line = line.replacing(/\s\(\d+ ms\)$/, with: "")
    line = line.replacing(/\b[0-9a-f]{16}\b/, with: "HASH")
    line = line.replacing(/\b\d+(\.\d+)? ?(ns|µs|ms)(?=\s|$)/, with: "T").replacing(/^now +[\d.]+$/, with: "now T")
    line = line.replacing(/\b\d+(\.\d+)?M +(-|\d+(\.\d+)?%)$/, with: "MEMORY CPU")
    line = line.replacing(/^(?:route +\d+ +T.*)$/) { match in
      match.output.split(separator: " ").prefix(2).joined(separator: " ")
    }
    line = line.replacing(/pid \d+/, with: "pid N").replacing(/\bup \d+s/, with: "up T")
    line = line.replacing(/"(\w*pid|memory_mb|cpu_percent|threads|uptime_seconds|duration_us)": ?(null|[\d.]+)/) {
      match in
      "\"\(match.output.1)\":N"
    }
    var words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
    if words.count >= 5, words[1].hasSuffix(".lua"), words[2].count == 8 { words[2] = "HASH" }  // of a list of policies
    if words.count >= 11, words[0] == "kernel-ID" {
      for column in [2, 7, 8, 9] { words[column] = "?" }  // PID, MEMORY, CPU and UPTIME of a table
    }
    return words.joined(separator: " ")
  }
}
