// Kernel configs: what is read, and the sentence for everything that is wrong.
import Glibc
import Testing

@testable import FleetConfiguration

struct KernelConfigurationTests {
  @Test func readsEverySection() throws {
    let configuration = try KernelConfiguration.parse(
      """
      [kernel]
      language = "lua"
      debug = true
      [llm]
      provider = "openai"
      model = "gpt-4o"
      api_key_env = "OPENAI_API_KEY"
      endpoint = "http://127.0.0.1:8080/v1"
      [logging]
      level = "debug"
      [limits]
      memory = "1.5G"
      cpu = 0.5
      nice = 5
      processes = 20
      open_files = 256
      file_size = "2M"
      [hardening]
      private_tmp = true
      seccomp = false
      [labels]
      team = "a"
      """, file: "x.toml")
    #expect(configuration.language == "lua")
    #expect(configuration.debug)
    #expect(
      configuration.llm
        == .init(
          provider: "openai", model: "gpt-4o", apiKeyVariable: "OPENAI_API_KEY", endpoint: "http://127.0.0.1:8080/v1"))
    #expect(configuration.logLevel == .debug)
    #expect(configuration.limits.memory?.bytes == 1_610_612_736)
    #expect(configuration.limits.cpu?.cores == 0.5)
    #expect(configuration.limits.nice?.value == 5)
    #expect(configuration.limits.processes?.value == 20)
    #expect(configuration.limits.openFiles?.value == 256)
    #expect(configuration.limits.fileSize?.bytes == 2 << 20)
    #expect(configuration.hardening == HardeningSettings(privateTmp: true))
    #expect(configuration.labels == ["team": "a"])
    #expect(configuration.requiredVariables == ["OPENAI_API_KEY"])
  }

  @Test(arguments: [
    ("[kernel]\nlanguge = \"lua\"", "x.toml:2: unknown key \"languge\" in [kernel]; did you mean \"language\"?"),
    (
      "[llm]\nprovider = \"a\"\nfoo = 1",
      "x.toml:3: unknown key \"foo\" in [llm]; known here: provider, model, api_key_env, endpoint"
    ),
    ("[kernal]\n", "x.toml:1: unknown section \"kernal\"; did you mean \"kernel\"?"),
    (
      "memory = 1",
      "x.toml:1: unknown key \"memory\"; known here: kernel, llm, logging, limits, hardening, labels, providers"
    ),
    ("kernel = 1", "x.toml:1: \"kernel\" must be a table, found an integer"),
    ("[kernel]\nlanguage = 5", "x.toml:2: \"language\" in [kernel] must be a string, found an integer"),
    ("[kernel]\nlanguage = \"\"", "x.toml:2: \"language\" in [kernel]: is empty; write a name or leave the key out"),
    ("[kernel]\ndebug = \"yes\"", "x.toml:2: \"debug\" in [kernel] must be true or false, found a string"),
    ("[llm]\nmodel = \"m\"", "x.toml:1: [llm] names no provider; write provider = \"openai\" or another"),
    (
      "[llm]\nprovider = \"openai\"\napi_key_env = \"sk-123\"",
      "x.toml:3: \"api_key_env\" in [llm]: is the name of an environment variable, such as OPENAI_API_KEY, not a key itself"
    ),
    (
      "[llm]\nprovider = \"l\"\nendpoint = \"localhost\"",
      "x.toml:3: \"endpoint\" in [llm]: \"localhost\" is no address; it begins with http:// or https://"
    ),
    (
      "[hardening]\nuid_range = \"1000000-1065535\"",
      "x.toml:2: \"uid_range\" in [hardening]: stands in fleet.toml: the host hands out the user ids of all kernels"
    ),
    ("[logging]\nlevel = \"inof\"", "x.toml:2: \"level\" in [logging]: \"inof\" is not known; did you mean \"info\"?"),
    (
      "[limits]\nmemory = \"half\"",
      "x.toml:2: \"memory\" in [limits]: \"half\" is no size; write bytes or a number with K, M, G or T, such as 512M or 1.5G"
    ),
    (
      "[limits]\nmemory = true",
      "x.toml:2: \"memory\" in [limits] must be a size such as \"512M\" or a number of bytes, found a boolean"
    ),
    (
      "[limits]\nmemory = 0",
      "x.toml:2: \"memory\" in [limits]: 0 is too little for a kernel; the least is 1M, and saying nothing is no limit"
    ),
    (
      "[limits]\nopen_files = 4",
      "x.toml:2: \"open_files\" in [limits]: 4 open files are too few for a kernel; the least is 32"
    ),
    (
      "[limits]\nfile_size = \"4K\"",
      "x.toml:2: \"file_size\" in [limits]: 4K is too little for the files that a kernel itself writes; the least is 64K"
    ),
    (
      "[limits]\nfile_sise = 4",
      "x.toml:2: unknown key \"file_sise\" in [limits]; did you mean \"file_size\"?"
    ),
    ("[hardening]\nlandlock = 1", "x.toml:2: \"landlock\" in [hardening] must be true or false, found an integer"),
    ("[limits]\nnice = 40", "x.toml:2: \"nice\" in [limits]: 40 is no priority; nice goes from -20 to 19"),
    ("[limits]\ncpu = []", "x.toml:2: \"cpu\" in [limits] must be a number, found an array"),
    ("[labels]\na = 1", "x.toml:2: \"a\" in [labels] must be a string, found an integer"),
    ("[kernel\n", "x.toml:1:8: expected \"]\" to close the header, found the end of the line"),
  ])
  func complaints(text: String, message: String) {
    #expect { try KernelConfiguration.parse(text, file: "x.toml") } throws: { "\($0)" == message }
  }

  @Test func understandsTheProvidersOfLlmspell() throws {
    let configuration = try KernelConfiguration.parse(
      """
      [providers]
      default_provider = "main"
      [providers.main]
      provider_type = "openai"
      enabled = true
      api_key_env = "OPENAI_API_KEY"
      default_model = "gpt-4"
      base_url = "https://example.org/v1"
      max_tokens = 2000
      temperature = 0.7
      timeout_seconds = 60
      max_retries = 3
      [providers.main.rate_limit]
      requests_per_minute = 60
      [providers.anthropic]
      api_key = "not-to-be-seen"
      model = "claude"
      """, file: "x.toml")
    #expect(
      configuration.llm
        == .init(
          provider: "openai", model: "gpt-4", apiKeyVariable: "OPENAI_API_KEY", endpoint: "https://example.org/v1"))
    #expect(configuration.providers["main"]?.timeout == .seconds(60))
    #expect(configuration.providers["anthropic"]?.hasKeyInFile == true)
    #expect(!"\(configuration)".contains("not-to-be-seen"))
    #expect(configuration.requiredVariables == ["OPENAI_API_KEY"])
  }

  @Test func aDefaultProviderMustExist() {
    let text = "[providers]\ndefault_provider = \"opnai\"\n[providers.openai]\n"
    let message =
      "x.toml:2: \"default_provider\" in [providers]: there is no [providers.opnai]; did you mean \"openai\"?"
    #expect { try KernelConfiguration.parse(text, file: "x.toml") } throws: { "\($0)" == message }
  }

  @Test func filesThatCannotBeRead() throws {
    let directory = TestDirectory()
    let missing = directory.path + "/none.toml"
    #expect { try KernelConfiguration.load(path: missing) } throws: { "\($0)" == "\(missing): there is no such file" }
    #expect { try KernelConfiguration.load(path: directory.path) } throws: {
      "\($0)" == "\(directory.path): is a directory, not a file to read"
    }
    let pipe = directory.path + "/pipe.toml"
    mkfifo(pipe, 0o600)
    #expect { try KernelConfiguration.load(path: pipe) } throws: {
      "\($0)" == "\(pipe): is no regular file, not a file to read"
    }
  }

  @Test func theShippedConfigsAreGood() throws {
    let source = try #require(realpath(#filePath, nil))
    defer { free(source) }
    let shared = try #require(Installation(executable: String(cString: source)).sharedDirectory)
    for name in ["default", "openai", "anthropic", "local"] {
      let configuration = try KernelConfiguration.load(path: "\(shared)/configs/\(name).toml")
      #expect(configuration.language == "lua")
      #expect(configuration.llm?.provider == (name == "default" ? nil : name))
    }
  }
}
