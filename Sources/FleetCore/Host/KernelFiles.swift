// The files of kernels in the fleet directory: connection file, environment, and what is left over.
import CFleetSystem
import FleetConfiguration
import FleetEngine
import Glibc
import JSON
import JupyterProtocol

/// Every call blocks for as long as the disk takes.
struct KernelFiles: Sendable {
  let directory: FleetDirectory
  let bootID: String
  /// Of the directory when the host took it; nil if it could not be looked at, which the first launch tells.
  let identity: DirectoryIdentity?

  init(directory: FleetDirectory, bootID: String) {
    self.directory = directory
    self.bootID = bootID
    identity = try? DirectoryIdentity(of: directory.path)
  }

  /// Files of kernels go into the directory that the host locked, and into no other that has its name by now.
  func checkDirectory() throws(StorageError) {
    let now: DirectoryIdentity
    do { now = try DirectoryIdentity(of: directory.path) } catch { throw StorageError("\(error)") }
    guard now == identity else {
      throw StorageError(
        "\(directory.path) is not the directory that this host has locked: it was moved or replaced; "
          + "put it back, or end this host and start another")
    }
  }

  /// Makes the directory of a kernel that may write nowhere else; what it left there stays for a restart.
  func makeOwnDirectory(_ kernel: Kernel) throws(StorageError) {
    let path = directory.ownDirectory("\(kernel.id)")
    let owner = kernel.user?.id ?? geteuid()
    if mkdir(path, 0o700) != 0 {
      var info = stat()
      guard errno == EEXIST, lstat(path, &info) == 0, info.st_mode & S_IFMT == S_IFDIR,
        info.st_uid == owner || info.st_uid == geteuid()
      else {
        throw StorageError(
          "cannot make \(path): \(errno == EEXIST ? "something else has that name" : Self.errorText())")
      }
      if info.st_uid == owner { return }
    }
    // Nothing of the kernel's is in it yet.
    guard lchown(path, owner, kernel.user?.id ?? .max) == 0 else {
      throw StorageError("cannot give \(path) to user \(owner): \(Self.errorText())")
    }
  }

  /// The connection file carries the kernel's document, so that a kernel can be adopted when the registry is lost.
  func writeConnectionFile(_ kernel: Kernel) throws(ConnectionFileError) {
    var file = connection(of: kernel)
    file.others["fleet"] = KernelDocument.encode(kernel, backoff: nil, bootID: bootID)
    try file.write(to: directory.connectionFile(kernel.id.description), readableBy: kernel.user?.id)
  }

  func connection(of kernel: Kernel) -> ConnectionFile {
    .make(basePort: kernel.port, key: kernel.key, kernelName: kernel.specification.kernelspec)
  }

  /// More than a request can hold.
  private static let largestEnvironment = 4 << 20

  /// Keeps the variables that a client sent for restarts; those of an earlier kernel of this id go in any case.
  func writeEnvironment(_ environment: [String: String], of id: KernelID) throws(StorageError) {
    let path = directory.environmentFile(id.description)
    if environment.isEmpty {
      guard unlink(path) == 0 || errno == ENOENT else {
        throw StorageError("cannot remove \(path): \(Self.errorText())")
      }
    } else {
      // A restart after a crash of the machine needs it as much as the row, which was synced before the launch.
      try Self.replace(path, with: JSON.object(environment.mapValues(JSON.string)).encoded(), isDurable: true)
    }
  }

  /// None if none were sent. What is there and cannot be read is an error: without its keys a kernel is another one.
  func environment(of id: KernelID) throws(StorageError) -> [String: String] {
    let path = directory.environmentFile(id.description)
    let bytes: [UInt8]?
    do { bytes = try SmallFile.record(path, limit: Self.largestEnvironment) } catch {
      throw StorageError("\(error); restore the variables of \(id), or stop it")
    }
    guard let bytes else { return [:] }
    // What a parser says would quote the file, and with it what must stay secret.
    guard let members = (try? JSON(parsing: bytes))?.object else {
      throw StorageError("\(path) is damaged; restore the variables of \(id), or stop it")
    }
    return members.compactMapValues(\.string)
  }

  /// Removes all that belongs to a kernel that is gone for good. The connection file goes last: while it is there,
  /// `cleanup` knows which state belongs to it.
  func remove(_ kernel: Kernel) {
    let id = kernel.id.description
    for path in stateFiles(uuid: kernel.id.uuid) + logFiles(id) { unlink(path) }
    removeOwnDirectory(id)
    for path in [
      directory.environmentFile(id), directory.pidFile(id), directory.lockFile(id), directory.exitFile(id),
      directory.connectionFile(id),
    ] { unlink(path) }
  }

  /// Whatever a kernel made there: links are removed and never followed.
  @discardableResult
  func removeOwnDirectory(_ id: String) -> Bool { fleet_remove_tree(directory.ownDirectory(id)) == 0 }

  /// What the Lua kernel keeps: its state, and the history of its cells beside it.
  func stateFiles(uuid: String) -> [String] {
    let state = directory.stateFile(uuid: uuid)
    return ["", "-wal", "-shm"].map { state + $0 } + [state.dropLast(".state.db".count) + ".history"]
  }

  private func logFiles(_ id: String) -> [String] {
    SmallFile.names(in: directory.logs).filter { KernelFileName($0)?.id == id }.map { "\(directory.logs)/\($0)" }
  }

  /// Writes 0600 and in one step, so that nobody reads half a file.
  /// - Parameter isDurable: it is on the disk when this returns.
  static func replace(_ path: String, with bytes: [UInt8], isDurable: Bool = false) throws(StorageError) {
    let temporary = "\(path).\(getpid()).tmp"
    // Left by a process that had this pid.
    unlink(temporary)
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw StorageError("cannot create \(temporary): \(errorText())") }
    var problem: StorageError?
    if !writeAll(bytes, to: descriptor) { problem = StorageError("cannot write \(temporary): \(errorText())") }
    if isDurable, problem == nil, fsync(descriptor) != 0 {
      problem = StorageError("cannot sync \(temporary): \(errorText())")
    }
    // Some file systems say only now that there is no room.
    if close(descriptor) != 0, problem == nil { problem = StorageError("cannot write \(temporary): \(errorText())") }
    if problem == nil, rename(temporary, path) != 0 {
      problem = StorageError("cannot replace \(path): \(errorText())")
    }
    if let problem {
      unlink(temporary)
      throw problem
    }
  }

  private static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    bytes.withUnsafeBytes { buffer in
      var rest = buffer[...]
      while !rest.isEmpty {
        let count = write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if count < 0 && errno != EINTR { return false }
        rest = rest.dropFirst(max(0, count))
      }
      return true
    }
  }

  /// The system's words for the last error.
  static func errorText() -> String { SystemError.text(of: errno) }
}
