// The command `fleet` and its families.
import ArgumentParser

struct FleetCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fleet",
    abstract: "Runs many isolated interpreters, shared by many clients, as Lua policies decide.",
    discussion: """
      Commands that need kernels start a host by themselves when none runs. Kernels outlive their host.
      Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 refused by policy or limit, 5 host unreachable, \
      6 no test ran, 100 host already running, 130 interrupted.
      """,
    version: fleetVersion,
    groupedSubcommands: [
      CommandGroup(name: "Host", subcommands: [UpCommand.self, DownCommand.self, StatusCommand.self]),
      CommandGroup(
        name: "Kernels",
        subcommands: [
          SpawnCommand.self, ListCommand.self, ShowCommand.self, FindCommand.self, StopCommand.self,
          StopAllCommand.self, RestartCommand.self, InterruptCommand.self, CleanupCommand.self,
        ]),
      CommandGroup(
        name: "Code", subcommands: [ExecCommand.self, RunCommand.self, ConnectCommand.self, ReplCommand.self]),
      CommandGroup(
        name: "Watching",
        subcommands: [
          HealthCommand.self, PoolsCommand.self, AlertsCommand.self, EventsCommand.self, LogsCommand.self,
          MetricsCommand.self, RegistryCommand.self,
        ]),
      CommandGroup(name: "Policies", subcommands: [PolicyCommand.self]),
      CommandGroup(
        name: "This machine",
        subcommands: [KernelspecCommand.self, DoctorCommand.self, CompletionsCommand.self]),
    ])

  /// All that can stand first on a command line.
  static var commandNames: [String] {
    configuration.groupedSubcommands.flatMap(\.subcommands).flatMap {
      [$0.configuration.commandName ?? ""] + $0.configuration.aliases
    }
  }
}
