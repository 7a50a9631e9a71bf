// `fleet policy …`: what authors and operators of policies do with them.
import ArgumentParser

struct PolicyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy", abstract: "Check, test, simulate, replay and explain policies.",
    subcommands: [
      PolicyInitCommand.self, PolicyCheckCommand.self, PolicyTestCommand.self, PolicyBenchCommand.self,
      PolicySimulateCommand.self, PolicyReplayCommand.self, PolicyRecordCommand.self,
      PolicyListCommand.self, PolicyExplainCommand.self, PolicyReloadCommand.self,
    ])
}
