// Small files, read whole.

import Glibc

/// - Throws: `PolicyError` that begins with the path, if the file cannot be read or is larger than allowed.
func readFile(_ path: String, largest: Int) throws(PolicyError) -> [UInt8] {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
  guard descriptor >= 0 else { throw unreadable(path, errno) }
  defer { close(descriptor) }
  var text: [UInt8] = []
  while text.count <= largest {
    let before = text.count
    text.append(contentsOf: repeatElement(0, count: 16 << 10))
    let count = text.withUnsafeMutableBytes { read(descriptor, $0.baseAddress! + before, 16 << 10) }
    text.removeLast(16 << 10 - max(count, 0))
    if count == 0 { return text }
    if count < 0 && errno != EINTR { throw unreadable(path, errno) }
  }
  throw PolicyError("\(path) is larger than a policy may be (\(largest >> 10) KiB)")
}

private func unreadable(_ path: String, _ code: Int32) -> PolicyError {
  PolicyError("\(path) cannot be read: \(String(cString: strerror(code)))")
}

/// The last component of a path: what positions in errors begin with.
func fileName(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }
