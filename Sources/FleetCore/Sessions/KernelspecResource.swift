// Logos and scripts of kernelspecs: the files beside a kernel.json, and those of the built-in kernel.
import FleetConfiguration
import FleetEngine
import Glibc

/// A file as a client gets it.
public struct KernelspecResource: Sendable {
  public var bytes: [UInt8]
  /// A MIME type.
  public var type: String

  /// More than any logo.
  private static let largest = 4 << 20

  /// Names of the files that clients are told of: `logo-64x64.png`, `kernel.js`, …
  static func isShown(_ name: String) -> Bool {
    name == "kernel.js" || name == "kernel.css" || name.hasPrefix("logo-")
  }

  /// Jupyter's key for a file: logos go without their suffix.
  static func key(_ name: String) -> String {
    guard name.hasPrefix("logo-"), let dot = name.lastIndex(of: ".") else { return name }
    return String(name[..<dot])
  }

  static func type(of name: String) -> String {
    let types = [
      "png": "image/png", "svg": "image/svg+xml", "gif": "image/gif", "jpg": "image/jpeg", "jpeg": "image/jpeg",
      "js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "json": "application/json",
      "txt": "text/plain; charset=utf-8",
    ]
    let suffix = name.split(separator: ".").last.map { $0.lowercased() } ?? ""
    return types[suffix] ?? "application/octet-stream"
  }

  /// A file below a directory; blocks. A link that leads out of the directory leads nowhere.
  /// - Parameter name: a relative path of plain names.
  /// - Returns: nil if there is no such regular file of at most 4 MiB.
  static func read(_ name: String, in directory: String) -> KernelspecResource? {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.allSatisfy({ !$0.isEmpty && !$0.hasPrefix(".") && !$0.utf8.contains(0) }),
      let root = real(directory)
    else { return nil }
    // Not blocking, so that a named pipe cannot hold up the reader.
    let descriptor = open("\(root)/\(name)", O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    // What was opened is looked at, not its name, which may mean something else by now.
    guard let place = real("/proc/self/fd/\(descriptor)"), place.hasPrefix(root + "/") else { return nil }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= largest else {
      return nil
    }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    let count = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
    guard count == bytes.count else { return nil }
    return KernelspecResource(bytes: bytes, type: type(of: name))
  }

  private static func real(_ path: String) -> String? {
    guard let text = realpath(path, nil) else { return nil }
    defer { free(text) }
    return String(cString: text)
  }
}
