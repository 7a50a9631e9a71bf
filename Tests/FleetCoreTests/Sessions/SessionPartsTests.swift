// Parts of the Jupyter gateway that need no host.
import FleetEngine
import Foundation
import JSON
import Testing

@testable import FleetCore

struct SessionPartsTests {
  private static let kernel = KernelID(uuid: "1a2b3c4d-0000-4000-8000-000000000001")

  private func session(_ id: String, _ path: String, owner: String = "", serial: Int = 1) throws -> JupyterSession {
    JupyterSession(
      id: id, serial: serial, owner: owner, path: path, name: path, type: "notebook",
      kernel: try #require(Self.kernel))
  }

  // MARK: The register

  @Test func aPathHasOneSessionForEachOwner() throws {
    var register = SessionRegister()
    register.put(try session("a", "x.ipynb"))
    register.put(try session("b", "x.ipynb", owner: "ann", serial: 2))
    #expect(register[.init(owner: "", path: "x.ipynb")]?.id == "a")
    #expect(register[.init(owner: "ann", path: "x.ipynb")]?.id == "b")
    #expect(register.nextSerial() == 3)
    #expect(register.all.map(\.id) == ["a", "b"])
  }

  @Test func aSessionThatMovesLeavesNothingBehind() throws {
    var register = SessionRegister([try session("a", "x.ipynb")])
    var moved = try #require(register["A"])
    moved.path = "y.ipynb"
    moved.kernel = try #require(KernelID(uuid: "1a2b3c4d-0000-4000-8000-000000000002"))
    register.put(moved)
    #expect(register[.init(owner: "", path: "x.ipynb")] == nil)
    #expect(register[.init(owner: "", path: "y.ipynb")]?.id == "a")
    #expect(register.sessions(of: try #require(Self.kernel)).isEmpty)
    #expect(register.sessions(of: moved.kernel).map(\.id) == ["a"])
    register.remove("a")
    #expect(register.all.isEmpty)
  }

  @Test func itsDocumentIsReadBack() throws {
    let session = try session("a", "Ordner/ü.ipynb", owner: "ann", serial: 7)
    #expect(try JupyterSession(document: session.document) == session)
    var damaged = session.document
    damaged["kernel"] = "nobody"
    #expect(throws: KernelDocumentError.self) { try JupyterSession(document: damaged) }
  }

  // MARK: Models

  @Test func timesAreAsPythonParsesThem() {
    #expect(KernelModel.time(1_700_000_000_007) == "2023-11-14T22:13:20.007000Z")
  }

  @Test func anUnchangedModelIsNotEncodedAgain() throws {
    var cache = KernelModelCache()
    let id = try #require(Self.kernel)
    var model = KernelModel(name: "python3", lastActivity: 0, state: "idle", connections: 1)
    func stamp(_ events: Int) -> KernelModelCache.Stamp { .init(events: events, activity: 0, clients: 0) }
    func listed() throws -> JSON {
      try JSON(parsing: cache.list([(id, model), (id, model)], for: .everyone, stamp(1)))
    }
    let first = try listed()
    #expect(first[0] == model.json(id) && first[1] == model.json(id))
    model.state = "busy"
    #expect(try listed()[1]?["execution_state"] == "busy")
    // A list is one viewer's, and good until something has happened.
    let anna = Viewer(owner: "anna")
    #expect(cache.list(for: .everyone, stamp(1)) != nil && cache.list(for: .everyone, stamp(2)) == nil)
    #expect(cache.list(for: anna, stamp(1)) == nil)
    #expect(cache.list([], for: anna, stamp(1)) == Array("[]".utf8))
    #expect(cache.list(for: anna, stamp(1)) == Array("[]".utf8))
    for number in 0..<100 { _ = cache.list([], for: Viewer(owner: "\(number)"), stamp(1)) }
    #expect(cache.list(for: anna, stamp(1)) == nil)
  }

  // MARK: Variables

  @Test func variablesThatWouldBecomeCodeAreNeverAllowed() {
    let everything = EnvironmentRules(patterns: ["*"])
    for name in [
      "LD_PRELOAD", "ld_preload", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "PYTHONSTARTUP", "LUA_INIT", "LUA_INIT_5_4",
      "NODE_OPTIONS", "BASH_ENV", "ENV", "HOME", "GCONV_PATH", "FLEET_HOME", "JUPYTER_CONFIG_DIR", "IPYTHONDIR",
    ] { #expect(!everything.allows(name), "\(name)") }
    #expect(everything.allows("OPENAI_API_KEY"))
    #expect(!everything.allows("PATH", named: ["PATH"]), "a config that asks for it does not help")
  }

  @Test func whatIsAllowedIsNamedOrBeginsSo() {
    let rules = EnvironmentRules(patterns: ["KERNEL_*", "EXACT"])
    #expect(rules.allows("KERNEL_USERNAME"))
    #expect(rules.allows("EXACT"))
    #expect(!rules.allows("EXACTLY"))
    #expect(!rules.allows("OPENAI_API_KEY"))
    #expect(rules.allows("OPENAI_API_KEY", named: ["OPENAI_API_KEY"]))
    let sorted = rules.sort(["KERNEL_A": "1", "B": "2", "A": "3"], named: [])
    #expect(sorted.allowed == ["KERNEL_A": "1"])
    #expect(sorted.refused == ["A", "B"])
  }

  // MARK: Requests

  @Test func whatAClientSaysIsCheckedAndWhatIsUnknownIsIgnored() throws {
    let start = try JupyterStart(
      json: [
        "name": "lua", "path": "a/b.ipynb", "env": ["KERNEL_USERNAME": "ann"], "unknown": [1, 2], "kernel_id": nil,
      ])
    #expect(start.kernelspec == "lua")
    #expect(start.path == "a/b.ipynb")
    #expect(start.environment == ["KERNEL_USERNAME": "ann"])
    for (json, words) in [
      (["name": 3], "'name' must be a string, not a number"),
      (["env": ["A": 1]], "'env.A' must be a string, not a number"),
      (["env": ["A=": ""]], "'env' has the name 'A=', which no variable can have"),
      (["path": "a\u{7}"], "'path' holds a control character"),
      ([], "the body must be a JSON object, not an array"),
    ] as [(JSON, String)] {
      #expect(throws: EngineError(.badRequest, words)) { try JupyterStart(json: json) }
    }
  }

  @Test func theClassicNotebooksSessionIsUnderstood() throws {
    let request = try SessionRequest(json: ["notebook": ["path": "x.ipynb"], "kernel": ["name": "lua"]])
    #expect(request.path == "x.ipynb")
    #expect(request.type == "notebook")
    #expect(request.kernelspec == "lua")
  }

  // MARK: Resources

  @Test func aLinkOrAPathLeadsOutOfNoKernelspec() throws {
    let place = try TemporaryDirectory()
    let (inside, outside) = (place.path + "/spec", place.path + "/secret")
    try FileManager.default.createDirectory(atPath: inside + "/more", withIntermediateDirectories: true)
    for (path, text) in [(outside, "secret"), (inside + "/logo-64x64.png", "picture"), (inside + "/more/a.js", "code")]
    {
      try text.write(toFile: path, atomically: true, encoding: .utf8)
    }
    let manager = FileManager.default
    try manager.createSymbolicLink(atPath: inside + "/out", withDestinationPath: outside)
    try manager.createSymbolicLink(atPath: inside + "/within", withDestinationPath: "logo-64x64.png")
    try manager.createSymbolicLink(atPath: inside + "/up", withDestinationPath: place.path)
    #expect(mkfifo(inside + "/pipe", 0o600) == 0)
    func read(_ name: String) -> String? {
      KernelspecResource.read(name, in: inside).map { String(decoding: $0.bytes, as: UTF8.self) }
    }
    #expect(read("logo-64x64.png") == "picture")
    #expect(read("more/a.js") == "code")
    #expect(read("within") == "picture")
    for name in ["out", "up/secret", "../secret", "more/../../secret", "more", "pipe", "", ".", "/etc/passwd", "a\0b"] {
      #expect(read(name) == nil, "\(name)")
    }
    #expect(KernelspecResource.type(of: "logo-64x64.PNG") == "image/png")
    #expect(KernelspecResource.key("logo-64x64.png") == "logo-64x64")
    #expect(KernelspecResource.key("kernel.js") == "kernel.js")
  }
}
