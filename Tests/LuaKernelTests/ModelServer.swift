// The language model that tests talk to: Python/model_server.py, and kernels whose config names it.
import Glibc
import JupyterProtocol

/// A running model server.
final class ModelServer {
  static let key = "sk-test-0123456789abcdef"
  static let apis = ["openai", "anthropic"]

  let directory: String
  let port: String
  private let process: TestProcess

  init(in directory: String) throws {
    self.directory = directory
    let script = "\(ModelServer.package)/Tests/LuaKernelTests/Python/model_server.py"
    process = try TestProcess(
      ["/usr/bin/env", "python3", script, directory + "/port"], output: directory + "/model.log")
    let file = directory + "/port"
    try eventually("the model server listens") { access(file, R_OK) == 0 }
    port = contents(of: file)
  }

  static var package: String {
    var path = #filePath
    for _ in 0..<3 { path = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) }
    return path
  }

  var endpoint: String { "http://127.0.0.1:\(port)" }

  /// The path of a config that names this server.
  func config(_ provider: String, keyVariable: String? = "TEST_MODEL_KEY", more: String = "") throws -> String {
    let path = "\(directory)/\(provider).toml"
    let key = keyVariable.map { "api_key_env = \"\($0)\"\n" } ?? ""
    try write(
      """
      [llm]
      provider = "\(provider)"
      model = "test-1"
      endpoint = "\(endpoint)"
      \(key)\(more)
      """, to: path)
    return path
  }
}

/// Runs a test with a kernel whose model is the server's.
func withModel(
  _ provider: String = "openai", key: String = ModelServer.key,
  _ body: (KernelProcess, KernelClient, ModelServer) throws -> Void
) throws {
  try withTemporaryDirectory { directory in
    let server = try ModelServer(in: directory)
    let kernel = try KernelProcess(
      in: directory, ["--config", try server.config(provider)], environment: ["TEST_MODEL_KEY": key])
    try body(kernel, try kernel.client(), server)
  }
}

extension KernelClient {
  /// The message of the error that code ends with; empty if it ends well.
  func problem(_ code: String) throws -> String { try show(code).error?.value ?? "" }
}
