// policy test, from the command line: exit codes, formats, what is said when nothing can be run, and --watch.
import Foundation
import Glibc
import JSON
import Testing

struct PolicyTestTests {
  private let home = Home()

  private final class Home {
    let path = TestFiles.directory()
    deinit { TestFiles.remove(path) }
  }

  private static let policy = """
    return {
      route = function(request, fleet)
        if request.owner then return { reject = "no" }, "no" end
        return { spawn = {} }, "a new one"
      end,
    }

    """
  private static let fixture = """
    it("starts one", function() expect(ask.route({}).spawn):equals{} end)
    it("refuses owners", function() expect(ask.route{ owner = "ann" }.reject):equals("no") end)

    """

  private func write(_ name: String, _ text: String) throws {
    try text.write(toFile: "\(home.path)/\(name)", atomically: true, encoding: .utf8)
  }

  private func test(_ arguments: String...) throws -> FleetProcess {
    try FleetProcess.run(["policy", "test"] + arguments, in: home.path)
  }

  @Test func passesAndFails() throws {
    try write("p.lua", Self.policy)
    try write("p.test.lua", Self.fixture)
    let good = try test("p.lua", "--min", "100")
    #expect(good.code == 0 && good.output.hasSuffix("\n2 passed, 0 failed\n"), "\(good)")
    let some = try test("--run", "^starts", "--min", "80")
    #expect(some.code == 1 && some.output.contains("1 passed, 0 failed"), "\(some)")
    #expect(some.error.contains("fewer than 80.0 % of the branches were taken: p.lua (1 of 2)"))
    try write("p.test.lua", Self.fixture + "it(\"fails\", function() assert(1 == 2) end)\n")
    let bad = try test("p")
    #expect(bad.code == 1 && bad.output.contains("p.test.lua:3\n     assert(1 == 2)\n"), "\(bad)")
    let document = try JSON(parsing: try test("--format", "json").output)
    #expect(document["passed"] == 2 && document["failed"] == 1)
    #expect(try test("--format", "junit").output.hasPrefix("<?xml version=\"1.0\""))
  }

  @Test func nothingToRun() throws {
    let empty = try test()
    #expect(empty.code == 6)
    #expect(empty.error.contains("no test ran: there are no policies here; name one"), "\(empty)")
    try write("p.lua", Self.policy)
    let bare = try test("p.lua")
    #expect(bare.code == 6 && bare.error.contains("write tests of p.lua into p.test.lua or p.test.toml"), "\(bare)")
    try write("p.test.lua", Self.fixture)
    let none = try test("--run", "nobody")
    #expect(none.code == 6 && none.error.contains("no name matches \"nobody\""), "\(none)")
  }

  @Test(
    arguments: [
      (["nix"], 3, "there is no policy \"nix\""), (["--run", "("], 2, "\"(\" is no regular expression"),
      (["--min", "120"], 2, "--min takes per cent, from 0 to 100"), (["--frmat", "json"], 2, "--format"),
      (["--format", "xml"], 2, "xml"), (["notes.txt"], 3, "neither a policy (.lua) nor a fixture"),
    ] as [([String], Int32, String)]) func wrongUsage(_ arguments: [String], _ code: Int32, _ complaint: String) throws
  {
    try write("notes.txt", "")
    let run = try FleetProcess.run(["policy", "test"] + arguments, in: home.path)
    #expect(run.code == code && run.error.contains(complaint), "\(run)")
    #expect(run.error.split(separator: "\n").count == 1)
  }

  @Test func watchesFilesAndRunsAgain() throws {
    try write("p.lua", Self.policy)
    try write("p.test.lua", Self.fixture)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: FleetProcess.executable)
    process.arguments = ["policy", "test", "--watch"]
    process.environment = ["HOME": home.path, "FLEET_HOME": home.path]
    process.currentDirectoryURL = URL(fileURLWithPath: home.path)
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    defer {
      process.terminate()
      process.waitUntilExit()
    }
    let reader = pipe.fileHandleForReading.fileDescriptor
    #expect(Self.read(reader, until: "2 passed, 0 failed\n"))
    try write("p.lua", "return 5\n")
    #expect(Self.read(reader, until: "0 passed, 1 failed\n"))
    try write("p.lua", Self.policy)
    #expect(Self.read(reader, until: "2 passed, 0 failed\n"))
    try write("q.test.toml", "policy = \"p.lua\"\n[[test]]\nname = \"t\"\n")
    #expect(Self.read(reader, until: "3 passed, 0 failed\n"))
  }

  /// Whether such a line came; gives up when nothing comes for a minute.
  private static func read(_ descriptor: Int32, until end: String) -> Bool {
    var text = ""
    var chunk = [UInt8](repeating: 0, count: 4096)
    while !text.hasSuffix(end) {
      var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&entry, 1, 60_000) > 0 else { return false }
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      guard count > 0 else { return false }
      text += String(decoding: chunk[..<count], as: UTF8.self)
    }
    return true
  }
}
