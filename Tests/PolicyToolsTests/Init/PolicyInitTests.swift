import Glibc
import JSON
import PolicyHost
import Testing

@testable import PolicyTools

@Test func aNewPolicyIsCheckedAndTestedAsItIs() throws {
  let directory = try AuthorDirectory()
  let made = try PolicyInit("\(directory.path)/mine")
  #expect(
    made.written.map { $0.split(separator: "/").last.map(String.init) } == [
      "mine.lua", "mine.test.lua", ".luarc.json", "fleet.d.lua",
    ])
  for path in [made.written[0], made.written[1]] {
    let text = try #require(LuaSamples.contents(path))
    #expect(PolicyCheck.diagnostics(AuthorFile(path: path, text: text)) == [])
  }
  let report = PolicyFixtures.run(policyPath: made.written[0])
  #expect(report.isGreen)
  #expect(report.passed == 3)
}

@Test func nothingIsEverOverwritten() throws {
  let directory = try AuthorDirectory()
  let policy = try directory.write("mine.test.lua", "-- mine")
  #expect(throws: ToolError("\(policy) is there already; choose another name, or move it away")) {
    try PolicyInit("\(directory.path)/mine.lua")
  }
  #expect(LuaSamples.contents(policy) == "-- mine")
  #expect(LuaSamples.contents("\(directory.path)/mine.lua") == nil)
  let definitions = try directory.write("fleet.d.lua", "-- older")
  let made = try PolicyInit("\(directory.path)/other")
  #expect(made.kept == [definitions])
  #expect(LuaSamples.contents(definitions) == "-- older")
}

@Test(arguments: ["", "a b", "1st", "dir/", "x.y", "-v"]) func namesThatAreNoneAreRefused(name: String) {
  #expect(throws: ToolError.self) { try PolicyInit(name) }
}

@Test func aDirectoryThatIsNotThereIsToldOf() {
  #expect(throws: ToolError("cannot write /nowhere/at/all/mine.lua: No such file or directory")) {
    try PolicyInit("/nowhere/at/all/mine")
  }
}

@Test func definitionsAreLuaAndNameEverything() throws {
  let text = DefinitionFile.text
  _ = try LuaChunk(text, name: "fleet.d.lua")
  #expect(text.hasPrefix("---@meta\n"))
  for line in [
    "---@class fleet.Kernel",
    "---@field clients integer Connected, or promised the kernel within the last five seconds.",
    "---@field [\"for\"] number? Seconds that it must hold before the alert fires.", "---@operator len: integer",
    "function Kernels:least(field) end", "---@return fleet.Kernel?", "function now() end", "function log(...) end",
    "---@field route? fun(request: fleet.RouteRequest, fleet: fleet.Kernels): fleet.RouteAnswer?, string? Which kernel does a client get?",
    "---@field alert? fun(fleet: fleet.Kernels): fleet.AlertCondition[]?, string? Which conditions hold that somebody should know of?",
    "---| \"idle\"", "---| \"latency\"",
  ] { #expect(text.split(separator: "\n").contains(Substring(line)), "\(line)") }
  for one in PolicyAPI.classes {
    for name in one.names { #expect(text.contains(name), "\(one.name).\(name)") }
  }
}

@Test func settingsOfEditorsAreJSON() throws {
  let settings = try JSON(parsing: PolicyTemplate.settings)
  #expect(settings["runtime.version"]?.string == "Lua 5.4")
  guard case .array(let globals)? = settings["diagnostics.globals"] else { Issue.record("no globals"); return }
  for name in ["describe", "it", "expect", "kernel", "fleet", "ask", "clock"] {
    #expect(globals.contains(.string(name)))
  }
}
