// Jupyter Server from PyPI with our kernel, for comparison.
import Foundation
import JSON
import JupyterProtocol

final class JupyterServer {
  let server: WebServer
  private let child: Child

  /// Starts one that knows the kernelspecs below `prefix`; the Python is that of the other compared kernels.
  init(prefix: String, in directory: String) throws {
    let python = try JupyterKernel.python()
    let server = WebServer(port: FreePorts.base(count: 1), token: UniqueID.key())
    self.server = server
    child = try Child(
      [
        python, "-m", "jupyter_server", "--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=\(server.port)",
        "--IdentityProvider.token=\(server.token)", "--ServerApp.root_dir=\(directory)",
        // It drops outputs beyond a rate, which would make its work less.
        "--ZMQChannelsWebsocketConnection.limit_rate=False",
      ],
      environment: [
        "JUPYTER_PATH": "\(prefix)/share/jupyter", "JUPYTER_RUNTIME_DIR": directory, "JUPYTER_CONFIG_DIR": directory,
        "HOME": directory,
      ], output: "\(directory)/jupyter-server.log")
    try wait(for: "Jupyter Server") { (try? server.call("GET", "/api/status")) != nil }  // it may not listen yet
  }

  var pid: Int32 { child.pid }

  /// Starts kernels, one after the other, and returns their ids. They may not answer yet: each client that asked would
  /// leave sockets behind in the server.
  func start(_ count: Int, spec: String) throws -> [String] {
    try (0..<count).map { _ in
      guard let id = try server.call("POST", "/api/kernels", ["name": .string(spec)])["id"]?.string else {
        throw Failure("Jupyter Server told no kernel")
      }
      return id
    }
  }

  /// Ends it and its kernels.
  func end() {
    let all = ProcessUse.withDescendants(child.pid)
    child.kill(SIGTERM)
    for pid in all { Glibc.kill(pid, SIGKILL) }
  }
}
