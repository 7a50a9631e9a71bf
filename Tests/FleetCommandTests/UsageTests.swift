// What is wrong with a command line, and what works without any host.
import Foundation
import JSON
import Testing

struct UsageTests {
  private let home = Home()

  /// A fleet directory where no host runs.
  private final class Home {
    let path = TestFiles.directory()
    deinit { TestFiles.remove(path) }
  }

  private func fleet(_ arguments: String..., environment: [String: String] = [:]) throws -> FleetProcess {
    try FleetProcess.run(arguments, in: home.path, environment: environment)
  }

  private static func keyValue(_ option: String, _ value: String) -> String {
    "The value '\(value)' is invalid for '\(option) <key=value>': "
      + "write it as KEY=VALUE, with a KEY that has no spaces; see fleet spawn --help"
  }

  @Test(arguments: [
    (["lst"], "there is no command \"lst\"; did you mean \"list\"?"),
    (["frobnicate"], "there is no command \"frobnicate\"; see fleet --help"),
    (["list", "--jsn"], "Unknown option '--jsn'. Did you mean '--json'?"),
    (
      ["spawn", "--memory", "half"],
      "--memory: \"half\" is no size; write bytes or a number with K, M, G or T, such as 512M or 1.5G; see fleet spawn --help"
    ),
    (
      ["spawn", "--cpu", "0"],
      "--cpu: 0 is no share of processors; 0.5 is half a core, 2 are two, 0.01 is the least; see fleet spawn --help"
    ),
    (["spawn", "--nice", "40"], "--nice 40: it goes from -20 to 19; see fleet spawn --help"),
    (["spawn", "--label", "x"], "--label x: write it as x=VALUE; see fleet spawn --help"),
    (["spawn", "a", "--config", "b"], "CONFIG and --config are given: one is enough; see fleet spawn --help"),
    (
      ["spawn", "--name", "kernel-1"],
      "--name \"kernel-1\": a name begins with a letter, has letters, digits, \".\", \"_\" and \"-\", at most 63, and does not look like an id; see fleet spawn --help"
    ),
    (
      ["spawn", "--env", "NOT_SET_ANYWHERE"],
      "--env NOT_SET_ANYWHERE: the variable is not set here; write NOT_SET_ANYWHERE=VALUE"
    ),
    (["spawn", "--env", "=x"], keyValue("--env", "=x")),
    (["spawn", "--env", "A B=1"], keyValue("--env", "A B=1")),
    (
      ["spawn", "--cpu", "-1"],
      "--cpu: -1 is no share of processors; 0.5 is half a core, 2 are two, 0.01 is the least; see fleet spawn --help"
    ),
    (["spawn", "--port", "-1"], "--port -1: it goes from 1 to 65531; see fleet spawn --help"),
    (
      ["spawn", "--memory", "1K"],
      "--memory: 1K is too little for a kernel; the least is 1M, and saying nothing is no limit; see fleet spawn --help"
    ),
    (
      ["spawn", "--processes", "0"],
      "--processes: 0 is out of range; write a whole number from 4 to 2147483647; see fleet spawn --help"
    ),
    (
      ["spawn", "--processes", "3"],
      "--processes: 3 processes are too few for a kernel, whose threads count; the least is 4; see fleet spawn --help"
    ),
    (
      ["spawn", "--open-files", "1"],
      "--open-files: 1 open files are too few for a kernel; the least is 32; see fleet spawn --help"
    ),
    (["list", "--watch", "--json"], "--watch and --json do not go together; see fleet list --help"),
    (["help", "lst"], "there is no command \"lst\"; did you mean \"list\"?"),
    (
      ["completions", "tcsh"],
      "The value 'tcsh' is invalid for '<shell>'. Please provide one of 'bash', 'zsh' or 'fish'; see fleet completions --help"
    ),
    (
      ["stop", "x", "--timeout", "soon"],
      "The value 'soon' is invalid for '--timeout <timeout>': \"soon\" is no length of time; write it as 500ms, 2s, 1m30s or 24h; see fleet stop --help"
    ),
    (["logs", "x", "-n", "-1"], "-n -1: it goes from 0 to 10000; see fleet logs --help"),
    (["logs", "x", "-n", "20000"], "-n 20000: it goes from 0 to 10000; see fleet logs --help"),
    (["run", "script.xyz"], "cannot read the script script.xyz: No such file or directory"),
  ])
  func mistakesAreOneSentence(arguments: [String], message: String) throws {
    let result = try FleetProcess.run(arguments, in: home.path)
    #expect(result.error == "fleet: \(message)\n")
    #expect(result.code == (arguments[0] == "run" ? 3 : 2))
    #expect(result.output == "")
  }

  @Test func withoutAHostStatusAndDownStartNone() throws {
    let status = try fleet("status")
    #expect(status.code == 5 && status.error == "fleet: no host runs in \(home.path); start one with fleet up\n")
    #expect(try JSON(parsing: fleet("status", "--json").output)["status"] == "down")
    let down = try fleet("down")
    #expect(down.code == 0 && down.error == "fleet: no host runs in \(home.path)\n")
    #expect(try fleet("status", "--config").output.contains("[ports]\nbase = 9555\n"))
    #expect(!FileManager.default.fileExists(atPath: home.path + "/fleet.log"))
  }

  @Test func aBadConfigurationIsToldByUpItself() throws {
    try "[host]\nhtpp = \"\"\n".write(toFile: home.path + "/fleet.toml", atomically: true, encoding: .utf8)
    let result = try fleet("up")
    #expect(result.code == 2)
    #expect(
      result.error == "fleet: \(home.path)/fleet.toml:2: unknown key \"htpp\" in [host]; did you mean \"http\"?\n")
    let missing = try fleet("up", "--config", "none.toml")
    #expect(missing.code == 3 && missing.error == "fleet: \(home.path)/none.toml: there is no such file\n")
  }

  @Test func kernelspecsAreListedWithoutAHost() throws {
    let folder = home.path + "/data/kernels/toy"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try #"{"argv": ["no-such-program"], "language": "toy", "display_name": "Toy"}"#.write(
      toFile: folder + "/kernel.json", atomically: true, encoding: .utf8)
    let environment = ["JUPYTER_DATA_DIR": home.path + "/data"]
    let table = try fleet("kernelspec", "list", environment: environment)
    #expect(table.code == 0 && table.output.contains("no-such-program is not installed"))
    let document = try JSON(parsing: fleet("kernelspec", "list", "--json", environment: environment).output)
    #expect(document["kernelspecs"]?["toy"]?["spec"]?["argv"] == ["no-such-program"])
    #expect(document["kernelspecs"]?["toy"]?["resources"] == [:])
    #expect(document["kernelspecs"]?["toy"]?["name"] == "toy")
  }

  @Test func theDoctorNeedsNoHost() throws {
    let document = try JSON(parsing: fleet("doctor", "--json").output)
    let checks = document["checks"]?.array ?? []
    let names = checks.compactMap { $0["check"]?.string }
    for name in [
      "fleet-shim", "fleet-kernel", "fleet directory", "configuration", "host", "kernelspecs", "pidfd", "limits",
      "open files", "ports",
    ] {
      #expect(names.contains(name))
    }
    #expect(checks.allSatisfy { $0["state"] == "ok" || $0["advice"]?.string != nil })
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func completionsAreWritten(shell: String) throws {
    let result = try fleet("completions", shell)
    #expect(result.code == 0 && result.output.contains("kernelspec"))
  }

  @Test func helpAndVersionAreNoErrors() throws {
    #expect(try fleet("--version").output.contains("."))
    let help = try fleet("spawn", "--help")
    #expect(help.code == 0 && help.error == "" && help.output.contains("--best-effort"))
  }
}
