// completions: for bash, zsh and fish.
import ArgumentParser

struct CompletionsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "completions", abstract: "Print a completion script for a shell.",
    discussion: """
      bash: fleet completions bash > /etc/bash_completion.d/fleet
      zsh:  fleet completions zsh > ~/.zfunc/_fleet
      fish: fleet completions fish > ~/.config/fish/completions/fleet.fish
      """)

  enum Shell: String, ExpressibleByArgument, CaseIterable {
    case bash, zsh, fish
  }

  @Argument(help: "bash, zsh or fish.")
  var shell: Shell

  func run() throws {
    let shell: CompletionShell =
      switch shell {
      case .bash: .bash
      case .zsh: .zsh
      case .fish: .fish
      }
    Output.write(FleetCommand.completionScript(for: shell))
  }
}
