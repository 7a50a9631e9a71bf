// The files of kernels in the fleet directory: connection file, environment, and what is left over.
import FleetConfiguration
import FleetEngine
import Foundation
import JSON
import JupyterProtocol

struct KernelFiles: Sendable {
  let directory: FleetDirectory
  let bootID: String

  /// The connection file carries the kernel's document, so that a kernel can be adopted when the registry is lost.
  func writeConnectionFile(_ kernel: Kernel) throws(ConnectionFileError) {
    var file = ConnectionFile.make(
      basePort: kernel.port, key: kernel.key, kernelName: kernel.specification.kernelspec)
    file.others["fleet"] = KernelDocument.encode(kernel, backoff: nil, bootID: bootID)
    try file.write(to: directory.connectionFile(kernel.id.description))
  }

  func connection(of kernel: Kernel) -> ConnectionFile {
    .make(basePort: kernel.port, key: kernel.key, kernelName: kernel.specification.kernelspec)
  }

  /// Variables that a client sent; kept for restarts.
  func writeEnvironment(_ environment: [String: String], of id: KernelID) throws(StorageError) {
    let path = directory.environmentFile(id.description)
    let json = JSON.object(environment.mapValues(JSON.string))
    try Self.replace(path, with: json.encoded())
  }

  func environment(of id: KernelID) throws(StorageError) -> [String: String] {
    let path = directory.environmentFile(id.description)
    guard let data = FileManager.default.contents(atPath: path) else { return [:] }
    do {
      return try JSON(parsing: data).object?.compactMapValues(\.string) ?? [:]
    } catch { throw StorageError("\(path) cannot be read; restore it or stop the kernel", error) }
  }

  /// Removes all that belongs to a kernel that is gone for good.
  func remove(_ kernel: Kernel) {
    let id = kernel.id.description
    for path in [
      directory.connectionFile(id), directory.environmentFile(id), directory.pidFile(id), directory.lockFile(id),
      directory.exitFile(id),
    ] { unlink(path) }
    let state = directory.stateFile(uuid: kernel.id.uuid)
    for suffix in ["", "-wal", "-shm"] { unlink(state + suffix) }
    removeLogs(id)
  }

  private func removeLogs(_ id: String) {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: directory.logs)) ?? []
    where name.hasPrefix(id + ".log") { unlink(directory.logs + "/" + name) }
  }

  /// Ids of kernels that files speak of, whether there is a row for them or not.
  func idsWithFiles() -> [String: [String]] {
    var found: [String: [String]] = [:]
    for folder in [directory.path, directory.logs] {
      for name in ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted() {
        let id = String(name.prefix("kernel-".count + 8))
        let isOurs = name.hasPrefix("kernel-") && id.dropFirst(7).allSatisfy(\.isHexDigit) && name.dropFirst(15).first == "."
        if isOurs { found[id, default: []].append("\(folder)/\(name)") }
      }
    }
    return found
  }

  /// Removes files of kernels that have neither a row nor a live shim.
  func removeStale(known: Set<String>) -> [(id: String, files: [String])] {
    idsWithFiles().filter { id, _ in !known.contains(id) && !hasShim(id) }
      .sorted { $0.key < $1.key }
      .map { id, paths in (id, paths.filter { unlink($0) == 0 }) }
  }

  /// A lock that cannot be looked at counts as held: what may live is left alone.
  private func hasShim(_ id: String) -> Bool {
    do { return try LockFile(directory.lockFile(id))?.holder() != nil } catch { return true }
  }

  /// The nonce of the live shim of an id; nil if there is none.
  func liveNonce(_ id: String) -> String? {
    // What cannot be read cannot be ended safely either.
    guard let lock = try? LockFile(directory.lockFile(id)), (try? lock.holder()) != nil else { return nil }
    return (try? lock.record())?.nonce
  }

  /// The kernels of connection files, for when the registry is lost; the newest document of each wins.
  func documents() -> [KernelDocument.Stored] {
    idsWithFiles().keys.sorted().compactMap { id in
      guard let file = try? ConnectionFile(reading: directory.connectionFile(id)), let document = file.others["fleet"]
      else { return nil }
      return try? KernelDocument.decode(document)
    }
  }

  /// Writes 0600 and in one step, so that nobody reads half a file.
  static func replace(_ path: String, with bytes: [UInt8]) throws(StorageError) {
    let temporary = "\(path).\(getpid()).tmp"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw StorageError("cannot create \(temporary): \(errorText())") }
    let isWritten = bytes.withUnsafeBytes { buffer in
      var done = 0
      while done < buffer.count {
        let count = write(descriptor, buffer.baseAddress! + done, buffer.count - done)
        if count < 0 && errno != EINTR { return false }
        done += max(0, count)
      }
      return true
    }
    let problem = isWritten ? nil : StorageError("cannot write \(temporary): \(errorText())")
    close(descriptor)
    if problem == nil, rename(temporary, path) == 0 { return }
    unlink(temporary)
    throw problem ?? StorageError("cannot replace \(path): \(errorText())")
  }

  static func errorText() -> String { String(cString: strerror(errno)) }
}
