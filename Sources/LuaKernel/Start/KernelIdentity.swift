// Who a kernel is, and which files belong to it.
import FleetConfiguration
import JupyterProtocol

struct KernelIdentity: Sendable, Hashable {
  let id: String
  let connectionFile: String
  let stateFile: String
  /// Beside the state file; nil for a kernel that nobody will start again under the same name.
  let historyFile: String?
  /// The control socket of the host that started the kernel, or of the usual fleet directory.
  let hostSocket: String?

  /// A host names its kernels by the environment; a kernel that was started by hand names itself.
  init(_ options: KernelOptions) throws {
    let uuid = FilePath.environment("FLEET_KERNEL_UUID")
    id = options.id ?? FilePath.environment("FLEET_KERNEL_ID") ?? "kernel-" + UniqueID.uuid().prefix(8)
    if let file = options.connectionFile {
      connectionFile = FilePath.absolute(file)
    } else {
      let directory = try FleetDirectory.choose()
      try directory.prepare()
      connectionFile = directory.connectionFile(id)
    }
    stateFile =
      options.stateFile.map(FilePath.absolute)
      ?? "\(FilePath.environment("FLEET_STATE_DIR") ?? FilePath.directory(of: connectionFile))/\(uuid ?? id).state.db"
    let isLasting = uuid != nil || options.stateFile != nil
    historyFile =
      isLasting ? (stateFile.hasSuffix(".state.db") ? String(stateFile.dropLast(9)) : stateFile) + ".history" : nil
    // Without a home directory there is no usual one.
    hostSocket = FilePath.environment("FLEET_SOCKET") ?? (try? FleetDirectory.choose())?.socket
  }
}
