import Glibc
import JSON
import Testing

@testable import PolicyTools

private let file = AuthorFile(path: "p/mine.lua", text: "")

@Test func findingsOfLuacheckAreRead() throws {
  let found = try #require(ExternalChecker.luacheckFinding("p/mine.lua:3:7: (W542) empty if branch", file))
  #expect(found.text == "p/mine.lua:3:7: warning: empty if branch [luacheck]")
  #expect(found.code == "W542")
  #expect(ExternalChecker.luacheckFinding("p/mine.lua:1:2: (E011) expected '='", file)?.severity == .error)
  #expect(ExternalChecker.luacheckFinding("Total: 1 warning", file) == nil)
}

/// Only where luacheck is installed, as `fleet policy check` itself asks it.
@Test(.enabled(if: ExternalChecker.luacheck.executable != nil)) func luacheckIsAsked() throws {
  let directory = try AuthorDirectory()
  let path = try directory.write("w.lua", "return { route = function(a)\n  if a then end\n  return nil, 'x'\nend }\n")
  let policy = try AuthorFile(reading: path)
  let executable = try #require(ExternalChecker.luacheck.executable)
  let found = try ExternalChecker.luacheck.diagnostics(policy, executable: executable)
  #expect(found.map(\.text) == ["\(path):2:8: warning: empty if branch [luacheck]"])
}

/// A program that does what lua-language-server does: it writes what it finds into the file that it is told.
@Test func findingsOfALanguageServerAreRead() throws {
  let directory = try AuthorDirectory()
  let path = try directory.write("mine.lua", "return {}")
  let server = try directory.write(
    "server",
    """
    #!/bin/sh
    for option; do case $option in --check_out_path=*) out=${option#*=} ;; esac; done
    echo '{"file:///p/other.lua": [], "file:///p/mine.lua": [{"code": "undefined-field", "message": "Undefined `x`.",
      "range": {"start": {"line": 4, "character": 2}}, "severity": 2, "source": "Lua"}]}' > "$out"
    exit 1
    """)
  try #require(chmod(server, 0o755) == 0)
  let policy = try AuthorFile(reading: path)
  let found = try ExternalChecker.languageServer.diagnostics(policy, executable: server)
  #expect(found.map(\.text) == ["\(path):5:3: warning: Undefined `x`. [lua-language-server]"])
  #expect(found.first?.code == "undefined-field")
}

@Test func aCheckerThatDoesNotRunIsToldOf() throws {
  let directory = try AuthorDirectory()
  let server = try directory.write("server", "#!/bin/sh\necho broken\nexit 7\n")
  try #require(chmod(server, 0o755) == 0)
  #expect(throws: ToolError("lua-language-server failed with exit code 7: broken")) {
    try ExternalChecker.languageServer.diagnostics(file, executable: server)
  }
  #expect(throws: ToolError("/nowhere/luacheck cannot be started: No such file or directory")) {
    try ExternalChecker.luacheck.diagnostics(file, executable: "/nowhere/luacheck")
  }
}
