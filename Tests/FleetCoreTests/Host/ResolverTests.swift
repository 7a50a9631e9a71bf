// From a request to what is started, with real configs: which words win, and what is said when they fit nothing.

import FleetConfiguration
import FleetEngine
import Foundation
import JSON
import Testing

@testable import FleetCore

@Suite struct ResolverTests {
  let temporary: TemporaryDirectory
  let resolver: Resolver

  init() throws {
    temporary = try TemporaryDirectory()
    let configs = [
      "default": "[kernel]\nlanguage = \"lua\"\n",
      "openai": """
      [kernel]
      language = "lua"
      [llm]
      provider = "openai"
      model = "gpt"
      [limits]
      memory = "256M"
      nice = 5
      file_size = "1G"
      [hardening]
      landlock = true
      seccomp = false
      [labels]
      team = "file"
      kind = "file"
      """, "python": "[kernel]\nlanguage = \"python\"\n", "broken": "[kernel]\nlangauge = \"lua\"\n",
    ]
    for folder in ["/configs", "/shared", "/shared/configs"] { mkdir(temporary.path + folder, 0o700) }
    for (name, text) in configs {
      let folder = name == "default" ? "shared/configs" : "configs"
      try text.write(toFile: temporary.file("\(folder)/\(name).toml"), atomically: true, encoding: .utf8)
    }
    var configuration = FleetConfiguration()
    configuration.limits.memory = try ByteCount(parsing: "1G")
    configuration.hardening.seccomp = true
    configuration.limits.openFiles = try PositiveCount(parsing: "99")
    resolver = Resolver(
      configuration: configuration,
      locator: Locator(fleetDirectory: temporary.path, sharedDirectory: temporary.file("shared"))
    ) {
      KernelspecCatalog([
        .builtInLua(executable: "/bin/fleet-kernel"),
        Kernelspec(name: "python3", argv: ["python3"], language: "Python", source: .configuration),
      ])
    }
  }

  private func resolve(_ members: JSON) throws -> Specification {
    try resolver.specification(of: SpawnRequest(json: members))
  }

  private func refused(_ members: JSON) throws -> EngineError {
    try #require(throws: EngineError.self) { try resolve(members) }
  }

  @Test func withoutAWordItIsTheDefaultLuaKernel() throws {
    let specification = try resolve([:])
    #expect(specification.kernelspec == "lua" && specification.language == "lua" && specification.owner == "")
    #expect(specification.config == temporary.file("shared/configs/default.toml"))
    #expect(specification.limits == Limits(memory: 1 << 30, openFiles: 99))
    #expect(specification.hardening == Hardening(seccomp: true))
  }

  @Test func whatConfigurationsMaySayAtLeastIsWhatPoliciesMay() {
    #expect(FleetConfiguration.ResourceLimits.leastProcesses == FleetEngine.Limits.leastProcesses)
    #expect(FleetConfiguration.ResourceLimits.leastOpenFiles == FleetEngine.Limits.leastOpenFiles)
  }

  @Test func theRequestWinsOverTheConfigAndThatOverTheHost() throws {
    let specification = try resolve([
      "config": "openai", "memory_limit": "64M", "cpu_limit": "50%", "labels": ["team": "asked"], "best_effort": true,
    ])
    #expect(specification.config == temporary.file("configs/openai.toml"))
    #expect(specification.provider == "openai" && specification.model == "gpt")
    #expect(specification.labels == ["team": "asked", "kind": "file"])
    #expect(
      specification.limits
        == Limits(memory: 64 << 20, cpu: 0.5, openFiles: 99, fileSize: 1 << 30, nice: 5, bestEffort: true))
    // What fleet.toml asks for holds, whatever a config says.
    #expect(specification.hardening == Hardening(landlock: true, seccomp: true))
  }

  @Test func aProviderNamesItsConfig() throws {
    #expect(try resolve(["provider": "openai"]).config == temporary.file("configs/openai.toml"))
    let error = try refused(["provider": "nobody"])
    #expect(error.code == .configNotFound && error.message.contains("no config is called like the provider 'nobody'"))
  }

  @Test func languagesAndKernelspecs() throws {
    #expect(try resolve(["language": "PYTHON"]).kernelspec == "python3")
    #expect(try resolve(["language": "python"]).language == "python")
    // The default config is the Lua kernel's.
    #expect(try resolve(["language": "python"]).config == nil)
    #expect(try resolve(["config": "python"]).kernelspec == "python3")
    #expect(try resolve(["kernelspec": "python3"]).config == nil)
    #expect(try refused(["language": "cobol"]).code == .kernelspecNotFound)
    #expect(try refused(["kernelspec": "python4"]).message.contains("python3"))
  }

  static let mistakes: [(JSON, EngineError.Code, String)] = [
    (["config": "opneai"], .configNotFound, "openai"), (["config": ""], .configNotFound, "empty"),
    (["config": "broken"], .badRequest, "broken.toml"), (["config": "broken"], .badRequest, "language"),
    (["memory_limit": "half"], .badRequest, "half"), (["memory_limit": -1], .badRequest, "-1"),
    (["cpu_limit": 0], .badRequest, "0"), (["nice": 20], .badRequest, "20"), (["processes": 0], .badRequest, "0"),
    (["open_files": "many"], .badRequest, "many"),
    (
      ["config": "openai", "provider": "anthropic"], .badRequest,
      "openai.toml has the provider 'openai'; 'anthropic' was asked for"
    ),
    (["config": "openai", "model": "other"], .badRequest, "openai.toml has the model 'gpt'; 'other' was asked for"),
    (
      ["language": "python", "model": "other"], .badRequest,
      "a kernel without a config has no model; 'other' was asked for"
    ),
  ]

  @Test(arguments: mistakes) func mistakesAreNamed(_ mistake: (body: JSON, code: EngineError.Code, part: String)) throws
  {
    let error = try refused(mistake.body)
    #expect(error.code == mistake.code)
    #expect(error.message.contains(mistake.part), "\(error.message)")
  }
}
