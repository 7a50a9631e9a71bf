// What callbacks of scripts need to know about the request that is executed: who asked, and where output goes.
import JSON
import JupyterProtocol
import LuaRuntime

/// Confined to the Lua thread. Does not know the Lua state, so that callbacks can hold on to it.
final class ExecutionContext {
  private let server: KernelServer
  let signals: KernelSignals
  /// The request that is executed; output outside of requests, as of finalizers, goes to the last one.
  private(set) var request: JupyterMessage?

  init(server: KernelServer, signals: KernelSignals) {
    self.server = server
    self.signals = signals
  }

  /// What the code asked to be shown in the client's pager, as MIME bundles.
  var pages: [JSON] = []
  /// The code of a cell by the name of its chunk, if it is still kept.
  var cell: (String) -> String? = { _ in nil }

  /// What `os.exit` was called with in code that ends by it without ending the kernel.
  private(set) var exitCode: Int32?

  func begin(_ request: JupyterMessage) {
    self.request = request
    pages = []
    exitCode = nil
  }

  /// `os.exit`. Code that `fleet exec` or `fleet run` brings to a kernel that others share ends alone; a cell of a
  /// notebook ends the kernel.
  func exit(_ code: Int32) {
    if request?.metadata["fleet"]?["keep_kernel"]?.bool == true {
      exitCode = code
    } else {
      signals.end(.exit(code: code))
    }
  }

  func publish(_ type: String, _ content: JSON, metadata: JSON = [:], buffers: [[UInt8]] = []) {
    server.publisher.publish(
      type, parent: request?.header, content: content.encoded(), metadata: metadata.encoded(), buffers: buffers)
  }

  func write(_ stream: LuaStream, _ bytes: UnsafeRawBufferPointer) {
    server.publisher.write(bytes, stream: stream == .output ? "stdout" : "stderr", parent: request?.header)
  }

  /// Asks the client for a line. Nil at the end of its input.
  /// - Parameter isPassword: what is typed is not shown.
  func ask(prompt: String, isPassword: Bool) throws(ScriptError) -> String? {
    let asking = isPassword ? "password" : "io.read"
    guard let request, request.content["allow_stdin"]?.bool ?? true else {
      throw ScriptError("\(asking): the client that runs this code cannot be asked for input")
    }
    let outcome: InputOutcome
    do {
      outcome = try server.input(prompt: prompt, isPassword: isPassword, for: request)
    } catch {
      throw ScriptError("\(asking): \(error)")
    }
    switch outcome {
    case .text("\u{4}"): return nil
    case .text(let line): return line
    case .interrupted: throw ScriptError("\(asking): interrupted")
    case .noClient: throw ScriptError("\(asking): the client that runs this code cannot be asked for input")
    }
  }
}

/// An error that a script sees; its description is the message.
struct ScriptError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
