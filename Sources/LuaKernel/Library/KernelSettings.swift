// The kernel's config as scripts see it: the read-only tables `config` and `llm`.
import FleetConfiguration
import LuaRuntime

struct KernelSettings {
  let configuration: KernelConfiguration

  init(_ configuration: KernelConfiguration = KernelConfiguration()) { self.configuration = configuration }

  /// Whether debug messages are logged.
  var isVerbose: Bool { configuration.debug || [.trace, .debug].contains(configuration.logLevel) }

  func publish(in session: LuaSession) throws(LuaError) {
    try session.publishModel(llm)
    let labels = configuration.labels.sorted { $0.key < $1.key }
    try session.publish(
      "config",
      .record([
        "file": .text(configuration.file), "language": .text(configuration.language ?? "lua"),
        "debug": .boolean(configuration.debug), "llm": llm,
        "labels": .table(LuaTable(pairs: labels.map { .init(.text($0.key), .text($0.value)) })),
      ]))
  }

  private var llm: LuaValue {
    guard let model = configuration.llm else { return .table(LuaTable()) }
    return .record([
      "provider": .text(model.provider), "model": model.model.map { .text($0) } ?? .nil,
      "api_key_env": model.apiKeyVariable.map { .text($0) } ?? .nil,
      "endpoint": model.endpoint.map { .text($0) } ?? .nil,
    ])
  }
}
