// The Jupyter gateway API, as Jupyter's clients know it; docs/jupyter.md tells more.
import FleetEngine
import JSON

extension APIDescription {
  /// Whose parameters are not checked: JupyterLab puts the time behind its addresses, so that no cache answers.
  static let jupyterTag = "jupyter"

  static let jupyterOperations: [Operation] = [
    Operation(
      "GET", "/api/kernels/{kernel}/channels", "openChannels", jupyterTag,
      "A WebSocket with the kernel's channels, in Jupyter's framings; docs/jupyter.md tells more.",
      [part("kernel"), .text("session_id", "Whose messages are kept while it is away.")],
      answers: [.none(101, "The WebSocket.")], errors: [.kernelNotFound])
  ]

  private static func part(_ name: String) -> Operation.Parameter {
    .init(
      name: name, place: .path, about: "Its id or name.", schema: Schema.text(most: 256, least: 1), isRequired: true)
  }
}
