// policy init: a policy to begin with, its test, and what an editor needs. Needs no host.
import ArgumentParser
import PolicyTools

struct PolicyInitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Write a policy to begin with, its test, and definitions for editors.",
    discussion: """
      Writes NAME.lua, NAME.test.lua, .luarc.json and fleet.d.lua (for lua-language-server). Files that are there \
      already are never overwritten.
      """)

  @Argument(help: ArgumentHelp("The policy's name, perhaps behind a directory.", valueName: "name"))
  var name: String

  func run() throws {
    let made: PolicyInit
    do { made = try PolicyInit(name) } catch { throw CommandFailure(.failed, "\(error)") }
    for path in made.written { Output.line("wrote \(path)") }
    for path in made.kept { Output.note("\(path) is there already and stays as it is") }
    if let policy = made.written.first {
      Output.note("next: fleet policy check \(policy); fleet policy test \(policy)")
    }
  }
}
