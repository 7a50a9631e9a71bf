// What clients say, and how they are told what is wrong with it.

import FleetEngine
import JSON
import Testing

@testable import FleetCore

@Suite struct SpawnRequestTests {
  @Test func everythingThatCanBeSaid() throws {
    let request = try SpawnRequest(json: [
      "language": "lua", "config": "openai.toml", "kernelspec": "lua", "name": "alice", "pool": "p", "owner": "o",
      "provider": "openai", "model": "m", "session": "s", "memory_limit": "1.5G", "cpu_limit": 0.5, "nice": -3,
      "processes": 64, "open_files": "256", "file_size": "1G", "port": 9600, "best_effort": true,
      "env_vars": ["A": "b", "C": ""],
      "labels": ["team": "a"],
    ])
    #expect(request.language == "lua" && request.config == "openai.toml" && request.kernelspec == "lua")
    #expect(request.name == "alice" && request.pool == "p" && request.owner == "o" && request.provider == "openai")
    #expect(request.model == "m" && request.session == "s" && request.memory == "1.5G" && request.cpu == "0.5")
    #expect(
      request.nice == "-3" && request.processes == "64" && request.openFiles == "256" && request.fileSize == "1G"
        && request.port == 9600)
    #expect(request.bestEffort && request.environment == ["A": "b", "C": ""] && request.labels == ["team": "a"])
    let requirements = try request.requirements
    #expect(requirements.memory == 1_610_612_736 && requirements.session == "s" && requirements.labels == ["team": "a"])
  }

  @Test func nullSaysNothing() throws {
    let request = try SpawnRequest(json: ["language": nil, "env_vars": nil, "port": nil])
    #expect(request.language == nil && request.environment.isEmpty && request.port == nil)
  }

  static let mistakes: [(JSON, String)] = [
    ([], "the body must be a JSON object, not an array"),
    (["langauge": "lua"], "unknown member 'langauge'; known are best_effort, config, cpu_limit"),
    (["env": [:]], "unknown member 'env'; did you mean 'env_vars'?"),
    (["language": 1], "'language' must be a string, not a number"),
    (["port": "9555"], "'port' must be an integer, not a string"), (["port": 9555.5], "'port' must be an integer"),
    (["best_effort": 1], "'best_effort' must be true or false, not a number"),
    (["memory_limit": []], "'memory_limit' must be a number or a string such as \"512M\", not an array"),
    (["labels": ["a": 1]], "'labels.a' must be a string, not a number"),
    (["env_vars": "A=b"], "'env_vars' must be an object of strings, not a string"),
    (["env_vars": ["A=B": "s3cret"]], "'env_vars' has the name 'A=B', which no variable can have"),
    (["env_vars": ["": "s3cret"]], "'env_vars' has the name '', which no variable can have"),
    (["env_vars": ["A": "s3cret\u{0}"]], "'env_vars.A' holds a null character, which no variable can hold"),
    (["env_vars": ["A": ["s3cret"]]], "'env_vars.A' must be a string, not an array"),
  ]

  @Test(arguments: mistakes) func mistakesAreNamed(_ mistake: (body: JSON, message: String)) throws {
    let error = try #require(throws: EngineError.self) { try SpawnRequest(json: mistake.body) }
    #expect(error.code == .badRequest)
    #expect(error.message.hasPrefix(mistake.message), "\(error.message)")
    #expect(!error.message.contains("s3cret"))
  }

  @Test func aMemoryThatIsNone() throws {
    let request = try SpawnRequest(json: ["memory_limit": "half"])
    let error = try #require(throws: EngineError.self) { try request.requirements }
    #expect(error.code == .badRequest && error.message.contains("half"))
  }
}
