// What lies in a fleet directory and belongs to no row: found for adoption, and removed by `cleanup`.
import FleetEngine
import Glibc
import JSON
import JupyterProtocol

/// The name of a file that a host or a shim makes for a kernel; nothing else is ever taken for one.
struct KernelFileName: Sendable, Hashable {
  /// `kernel-` and eight lower-case hexadecimal digits.
  let id: String
  let suffix: String

  /// Nil for every other name, however much it looks like one.
  init?(_ name: String) {
    let bytes = Array(name.utf8)
    let prefix = Array("kernel-".utf8)
    guard bytes.count > 16, bytes.starts(with: prefix), bytes[15] == UInt8(ascii: "."),
      bytes[7..<15].allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
    else { return nil }
    id = String(decoding: bytes[..<15], as: UTF8.self)
    suffix = String(decoding: bytes[16...], as: UTF8.self)
    guard isKnown else { return nil }
  }

  private var isKnown: Bool {
    if ["json", "env", "pid", "pid.new", "lock", "exit", "exit.new", "log", "log.new", "d"].contains(suffix) {
      return true
    }
    return isTemporary || (suffix.hasPrefix("log.") && Self.areNumbers(suffix.dropFirst(4)))
  }

  /// `json.PID.NUMBER.tmp` or `env.PID.tmp`
  var isTemporary: Bool {
    guard suffix.hasSuffix(".tmp"), let start = ["json.", "env."].first(where: suffix.hasPrefix) else { return false }
    return Self.areNumbers(suffix.dropFirst(start.count).dropLast(4))
  }

  private static func areNumbers(_ text: Substring) -> Bool {
    text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy {
      !$0.isEmpty && $0.utf8.allSatisfy { (48...57).contains($0) }
    }
  }
}

extension KernelFiles {
  /// The files of kernels by their ids, whether there is a row for them or not.
  func inventory() throws(StorageError) -> [String: [String]] {
    var found: [String: [String]] = [:]
    for folder in [directory.path, directory.logs] {
      // An unreadable directory is not an empty one.
      guard access(folder, R_OK | X_OK) == 0 else { throw StorageError("cannot read \(folder): \(Self.errorText())") }
      for name in SmallFile.names(in: folder).sorted() {
        if let file = KernelFileName(name) { found[file.id, default: []].append("\(folder)/\(name)") }
      }
    }
    return found
  }

  /// Removes those of the files whose kernels have neither a row nor a live shim.
  /// - Parameters:
  ///   - inventory: taken before `known`, so that the files of a kernel which is just being started are not in it.
  ///   - known: ids of all rows.
  func removeStale(_ inventory: [String: [String]], known: Set<String>) -> [(id: String, files: [String])] {
    inventory.filter { id, _ in !known.contains(id) && !hasShim(id) }
      .sorted { $0.key < $1.key }
      .map { id, paths in
        let state = document(id).map { stateFiles(uuid: $0.kernel.id.uuid) } ?? []
        return (
          id, (state + paths).filter { $0 == directory.ownDirectory(id) ? removeOwnDirectory(id) : unlink($0) == 0 }
        )
      }
  }

  /// A lock that cannot be looked at counts as held: what may live is left alone.
  private func hasShim(_ id: String) -> Bool {
    do { return try LockFile(directory.lockFile(id))?.holder() != nil } catch { return true }
  }

  /// The kernel of a connection file, as it was launched; nil if the file is none of this host's or is damaged.
  func document(_ id: String) -> KernelDocument.Stored? {
    // A file that cannot be read tells of no kernel.
    guard let file = try? ConnectionFile(reading: directory.connectionFile(id)), let document = file.others["fleet"],
      let stored = try? KernelDocument.decode(document), stored.kernel.id.description == id
    else { return nil }
    return stored
  }

  /// Removes what was left behind by processes that were killed in the middle of a write: these files hold keys. To be
  /// called before this process writes any.
  func removeTemporaries() {
    for name in SmallFile.names(in: directory.path) {
      let isMirror = name.hasPrefix("registry.json.") && name.hasSuffix(".tmp")
      guard isMirror || KernelFileName(name)?.isTemporary == true else { continue }
      // ….json.PID.tmp or ….json.PID.NUMBER.tmp
      let writer = name.split(separator: ".").dropFirst(2).first.flatMap { Int32($0) } ?? 0
      let isGone = writer == getpid() || (kill(writer, 0) != 0 && errno == ESRCH)
      if isGone { unlink("\(directory.path)/\(name)") }
    }
  }
}
