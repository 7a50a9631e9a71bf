// Directories of their own for tests, and waiting for conditions.
import Glibc
import Testing

@testable import JupyterProtocol

struct TestFailure: Error, CustomStringConvertible {
  let description: String
}

func withTemporaryDirectory<T>(_ body: (String) throws -> T) throws -> T {
  var template = Array("/tmp/fleet-jupyter-XXXXXX".utf8CString)
  guard mkdtemp(&template) != nil else { throw TestFailure(description: "mkdtemp failed") }
  let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  defer {
    for name in listing(path) { unlink(path + "/" + name) }
    rmdir(path)
  }
  return try body(path)
}

func listing(_ directory: String) -> [String] {
  guard let stream = opendir(directory) else { return [] }
  defer { closedir(stream) }
  var names: [String] = []
  while let entry = readdir(stream) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    if name != "." && name != ".." { names.append(name) }
  }
  return names.sorted()
}

func write(_ text: String, to path: String) throws {
  let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
  guard descriptor >= 0 else { throw TestFailure(description: "cannot create \(path)") }
  defer { close(descriptor) }
  var text = text
  let isWritten = text.withUTF8 { Glibc.write(descriptor, $0.baseAddress, $0.count) == $0.count }
  guard isWritten else { throw TestFailure(description: "cannot write \(path)") }
}

/// Waits until the condition holds, looking every millisecond.
func eventually(_ what: String, within limit: Duration = .seconds(20), _ condition: () throws -> Bool) throws {
  let deadline = MonotonicTime.after(limit)
  while try !condition() {
    if deadline.isOver { throw TestFailure(description: "still not true: \(what)") }
    poll(nil, 0, 1)
  }
}
