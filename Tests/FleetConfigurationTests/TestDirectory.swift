// A directory of its own for each test, removed afterwards.
import Glibc
import Testing

struct TestDirectory: ~Copyable {
  let path: String

  init() {
    var template = Array("/tmp/fleet-configuration-XXXXXX".utf8CString)
    path = mkdtemp(&template).map { String(cString: $0) } ?? ""
    precondition(!path.isEmpty, "no directory for a test")
  }

  deinit { TestDirectory.remove(path) }

  /// Writes a file below it, making the directories on the way; answers its path.
  @discardableResult
  func write(_ name: String, _ text: String, mode: mode_t = 0o600) -> String {
    let file = "\(path)/\(name)"
    makeDirectory(String(name.split(separator: "/").dropLast().joined(separator: "/")))
    let descriptor = open(file, O_CREAT | O_WRONLY | O_TRUNC, mode)
    precondition(descriptor >= 0, "cannot write \(file)")
    _ = Array(text.utf8).withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    close(descriptor)
    return file
  }

  @discardableResult
  func makeDirectory(_ name: String, mode: mode_t = 0o700) -> String {
    var reached = path
    for part in name.split(separator: "/") {
      reached += "/\(part)"
      mkdir(reached, mode)
    }
    return reached
  }

  private static func remove(_ path: String) {
    guard let stream = opendir(path) else { return }
    var names: [String] = []
    while let entry = readdir(stream) {
      names.append(
        withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        })
    }
    closedir(stream)
    for name in names where name != "." && name != ".." {
      let inner = "\(path)/\(name)"
      if unlink(inner) != 0 { remove(inner) }
    }
    rmdir(path)
  }
}
