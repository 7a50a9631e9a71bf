// Kernelspecs: where they are found, how they are read, chosen and filled in.
import JSON
import Testing

@testable import FleetConfiguration

struct KernelspecTests {
  private static let python = #"""
    {"argv": ["python3", "-m", "ipykernel_launcher", "-f", "{connection_file}"], "display_name": "Python 3",
     "language": "python", "metadata": {"debugger": true}, "env": {"A": "${HOME}/x"}}
    """#

  private static func catalog(_ directory: borrowing TestDirectory) -> KernelspecCatalog {
    var configuration = FleetConfiguration()
    configuration.kernelspecs["llmspell"] = .init(argv: ["llmspell"], language: "lua")
    return KernelspecCatalog.discover(
      configuration: configuration, luaKernel: "/x/fleet-kernel",
      directories: [directory.path + "/first", directory.path + "/share/jupyter"])
  }

  @Test func readsWhatIsInstalled() throws {
    let directory = TestDirectory()
    let root = directory.path
    directory.write("share/jupyter/kernels/python3/kernel.json", Self.python)
    let spec = try Self.catalog(directory).find(name: "Python3")
    #expect(spec.displayName == "Python 3" && spec.language == "python" && spec.interruptMode == .signal)
    #expect(spec.metadata["debugger"]?.bool == true)
    #expect(spec.resourceDirectory == root + "/share/jupyter/kernels/python3")
  }

  @Test func theEarlierDirectoryAndTheBuiltInOneCount() throws {
    let directory = TestDirectory()
    directory.write("share/jupyter/kernels/python3/kernel.json", Self.python)
    directory.write("first/kernels/python3/kernel.json", #"{"argv": ["mine"], "language": "python"}"#)
    directory.write("first/kernels/lua/kernel.json", #"{"argv": ["ilua"], "language": "lua"}"#)
    let catalog = Self.catalog(directory)
    #expect(catalog.all.map(\.name) == ["llmspell", "lua", "python3"])
    #expect(try catalog.find(name: "python3").argv == ["mine"])
    #expect(try catalog.find(name: "lua").source == .builtIn)
    #expect(try catalog.find(name: "llmspell").source == .configuration)
  }

  @Test(arguments: [
    ("{", ":1:1: string or '}' expected near end of file"),
    ("[]", ": must hold an object"),
    (#"{"argv": "x", "language": "a"}"#, ": \"argv\" must be an array of strings, the program first"),
    (#"{"argv": [1], "language": "a"}"#, ": \"argv\" must be an array of strings, the program first"),
    (#"{"argv": ["x"]}"#, ": \"language\" must be a string"),
    (#"{"argv": ["x"], "language": "a", "env": {"A": 1}}"#, ": \"env\" must be an object of strings"),
    (
      #"{"argv": ["x"], "language": "a", "interrupt_mode": "no"}"#,
      ": \"interrupt_mode\" must be \"signal\" or \"message\""
    ),
  ])
  func aBrokenOneIsReportedAndTheOthersWork(text: String, message: String) throws {
    let directory = TestDirectory()
    let file = directory.write("first/kernels/bad/kernel.json", text)
    directory.write("first/kernels/python3/kernel.json", Self.python)
    let catalog = Self.catalog(directory)
    #expect(catalog.problems.map(\.description) == [file + message])
    #expect(try catalog.find(name: "python3").name == "python3")
    #expect { try catalog.find(name: "bad") } throws: {
      "\($0)" == "the kernelspec \"bad\" is broken: \(file)\(message)"
    }
  }

  @Test func languages() throws {
    let directory = TestDirectory()
    for name in ["aaa", "python3"] { directory.write("first/kernels/\(name)/kernel.json", Self.python) }
    directory.write("first/kernels/deno/kernel.json", #"{"argv": ["deno"], "language": "typescript"}"#)
    let catalog = Self.catalog(directory)
    #expect(try catalog.find(language: "Python").name == "python3")
    #expect(try catalog.find(language: "lua").name == "lua")
    #expect(try catalog.find(language: "javascript").name == "deno")
    #expect { try catalog.find(language: "rust") } throws: {
      "\($0)"
        == "no kernel for the language \"rust\" is installed; languages here: lua, python, typescript; "
        + "install a kernelspec or add [kernelspecs.NAME] to fleet.toml"
    }
    #expect { try catalog.find(name: "pyton3") } throws: {
      "\($0)" == "there is no kernelspec \"pyton3\"; did you mean \"python3\"?"
    }
    #expect { try catalog.find(name: "xyz") } throws: {
      "\($0)" == "there is no kernelspec \"xyz\"; there are: aaa, deno, llmspell, lua, python3"
    }
  }

  @Test func directoriesAreJupytersAndThoseOfTheInterpretersOnPath() {
    let directory = TestDirectory()
    let root = directory.path
    directory.write("venv/bin/python3", "", mode: 0o700)
    directory.write("pyenv/shims/python3", "", mode: 0o700)
    directory.write("pyenv/version", "3.9\n3.8")
    let found = KernelspecSearch.dataDirectories(environment: [
      "HOME": "/h", "JUPYTER_PATH": "/j1:/j2", "CONDA_PREFIX": "/conda",
      "PATH": "\(root)/venv/bin:\(root)/pyenv/shims:/nowhere",
    ])
    let expected = [
      "/j1", "/j2", "/h/.local/share/jupyter", "/conda/share/jupyter", "\(root)/venv/share/jupyter",
      "\(root)/pyenv/versions/3.9/share/jupyter", "\(root)/pyenv/versions/3.8/share/jupyter",
      "/usr/local/share/jupyter", "/usr/share/jupyter",
    ]
    #expect(found.filter { expected.contains($0) } == expected)
    let data = KernelspecSearch.dataDirectories(environment: ["JUPYTER_DATA_DIR": "/d"])
    #expect(data == ["/d", "/usr/local/share/jupyter", "/usr/share/jupyter"])
  }

  private func arguments(config: String?) -> LaunchArguments {
    LaunchArguments(
      connectionFile: "/c.json", port: 9555, id: "kernel-1", config: config, logFile: "/l.log", pidFile: "/p.pid")
  }

  @Test func placeholdersAreFilled() {
    let spec = Kernelspec(
      name: "x",
      argv: [
        "prog", "--f={connection_file}", "{port}", "{id}", "--config", "{config}", "{log_file}", "{pid_file}",
        "{unknown}", "{", "{resource_dir}",
      ], language: "a", source: .directory("/k/x"))
    #expect(
      arguments(config: "/c.toml").command(for: spec) == [
        "prog", "--f=/c.json", "9555", "kernel-1", "--config", "/c.toml", "/l.log", "/p.pid", "{unknown}", "{", "/k/x",
      ])
    #expect(arguments(config: nil).command(for: spec)[3...5] == ["kernel-1", "/l.log", "/p.pid"])
  }

  @Test func aBarePythonIsTheOneBesideTheKernelspec() {
    let directory = TestDirectory()
    let root = directory.path
    directory.write("share/jupyter/kernels/python3/kernel.json", Self.python)
    let interpreter = directory.write("bin/python3", "", mode: 0o700)
    let spec = Self.catalog(directory).specs["python3"]
    #expect(spec.map { arguments(config: nil).command(for: $0) }?.first == interpreter)
    #expect(spec?.executable == interpreter)
    #expect(spec?.prefix == root)
  }

  @Test func variablesOfTheEnvironmentAreFilledIn() {
    let spec = Kernelspec(
      name: "x", argv: ["x"],
      environment: ["A": "${HOME}/x", "B": "$HOME:$$:$NONE:${HOME", "C": "plain"], language: "a", source: .builtIn)
    let environment = LaunchArguments.environment(for: spec, inherited: ["HOME": "/h"])
    #expect(environment == ["A": "/h/x", "B": "/h:$:$NONE:${HOME", "C": "plain"])
  }
}
