// What is measured: the executables of one build.
import Foundation

struct Executables {
  let fleet: String
  let kernel: String

  init(directory: String) throws {
    fleet = directory + "/fleet"
    kernel = directory + "/fleet-kernel"
    for file in [fleet, kernel, directory + "/fleet-shim"] where access(file, X_OK) != 0 {
      throw Failure("there is no executable \(file); make build makes it")
    }
  }
}

enum TemporaryDirectory {
  /// A new directory of our own.
  static func make(_ purpose: String) throws -> String {
    let base = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
    var template = Array("\(base)/fleet-bench-\(purpose).XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw Failure("cannot make a directory in \(base): \(String(cString: strerror(errno)))")
    }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
