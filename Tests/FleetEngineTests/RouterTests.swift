// The native rule, and what a requirement accepts.
import FleetEngine
import Testing

struct RouterTests {
  private func row(_ number: Int, status: Status = .idle, clients: Int = 0, _ specification: Specification = .lua)
    -> KernelRow
  {
    var kernel = Kernel(id: .number(number), serial: number, specification: specification, key: "", port: 9555)
    kernel.status = status
    kernel.connections = clients
    return KernelRow(kernel)
  }

  @Test func fewestClientsThenTheOldest() {
    let rows = [row(1, clients: 2), row(2, clients: 1), row(3, clients: 1)]
    #expect(Router.decide(Requirements(), rows: rows).0 == .use(KernelID.number(2).uuid))
  }

  @Test func nothingMatchesStartsWhatWasAskedFor() {
    let wanted = Requirements(language: "python", config: "openai")
    #expect(Router.decide(wanted, rows: [row(1)]).0 == .spawn(config: "openai", language: "python"))
  }

  @Test(arguments: Status.allCases) func onlyUsableKernelsMatch(status: Status) {
    #expect(Requirements().accepts(row(1, status: status)) == status.isUsable)
  }

  @Test func everyRequirementCounts() {
    let specification = Specification(
      kernelspec: "lua54", language: "lua", config: "/a/openai.toml", provider: "openai", model: "m", name: "alice",
      labels: ["a": "1", "b": "2"], owner: "ann", limits: Limits(memory: 100))
    let row = row(1, specification)
    #expect(
      Requirements(
        language: "lua", kernelspec: "lua54", config: "b/openai", provider: "openai", model: "m", memory: 100,
        labels: ["a": "1"], owner: "ann"
      ).accepts(row))
    for wanted in [
      Requirements(language: "python"), Requirements(kernelspec: "lua"), Requirements(config: "default"),
      Requirements(provider: "anthropic"), Requirements(model: "n"), Requirements(memory: 101),
      Requirements(labels: ["a": "2"]), Requirements(labels: ["c": "1"]), Requirements(owner: "bob"),
    ] {
      #expect(!wanted.accepts(row))
    }
  }

  @Test func aKernelWithoutALimitAllowsAnyMemory() {
    #expect(Requirements(memory: .max).accepts(row(1)))
  }

  @Test(arguments: [
    ("openai", "openai.toml"), ("openai.toml", "openai.toml"), ("/a/b/openai.toml", "openai.toml"),
    ("./openai", "openai.toml"), ("", ".toml"), ("/", "/.toml"), ("a.toml/", "a.toml"),
  ])
  func fileNames(path: String, name: String) { #expect(Requirements.fileName(path) == name) }
}
