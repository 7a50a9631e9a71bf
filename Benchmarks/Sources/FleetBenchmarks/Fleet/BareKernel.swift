// The kernel's executable without a host, a shim or a registry: what its start is compared with.
import Foundation
import JupyterProtocol

/// Starts a bare kernel with a command line like that of a kernel that a host started.
struct BareKernel {
  private let arguments: [String]
  private let template: BenchFleet.Kernel
  private let directory: String

  /// - Parameter kernel: one that a host started and that runs.
  init(like kernel: BenchFleet.Kernel, in directory: String) throws {
    arguments = try ProcessUse.commandLine(of: kernel.pid)
    guard arguments.contains(where: { $0.contains(kernel.connectionFile) }) else {
      throw Failure("the kernel was not started with its connection file: \(arguments)")
    }
    template = kernel
    self.directory = directory
  }

  var command: String { arguments.joined(separator: " ") }

  /// What is written before the start, as a host does it.
  struct Prepared {
    let connection: ConnectionFile
    let arguments: [String]
    let file: String
  }

  func prepare() throws -> Prepared {
    let connection = ConnectionFile.make(
      basePort: FreePorts.base(count: 5), key: UniqueID.key(), kernelName: "lua")
    let file = "\(directory)/bare-\(UniqueID.uuid()).json"
    try connection.write(to: file)
    let arguments = self.arguments.map { $0.replacingOccurrences(of: template.connectionFile, with: file) }
    return Prepared(connection: connection, arguments: arguments, file: file)
  }

  /// Starts one and returns when it has answered.
  func start(_ prepared: Prepared) throws -> (Child, KernelClient) {
    let child = try Child(prepared.arguments)
    let client = try KernelClient(prepared.connection, reconnect: .eager)
    _ = try client.kernelInfo(timeout: .seconds(30))
    return (child, client)
  }

  func end(_ child: Child, _ client: KernelClient, _ prepared: Prepared) throws {
    try client.shutdown()
    child.wait()
    unlink(prepared.file)
  }
}
