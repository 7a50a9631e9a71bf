// Reading and writing connection files.
import Glibc
import JSON

/// Why a connection file cannot be used; the description names the file.
public struct ConnectionFileError: Error, Sendable, Hashable, CustomStringConvertible {
  public let path: String
  public let problem: String
  /// `errno` when a system call failed, such as `ENOENT`; else 0.
  public let code: Int32

  public init(path: String, problem: String, code: Int32 = 0) {
    self.path = path
    self.problem = problem
    self.code = code
  }

  static func system(_ path: String, _ action: String) -> ConnectionFileError {
    let code = errno
    return ConnectionFileError(path: path, problem: "cannot \(action): \(String(cString: strerror(code)))", code: code)
  }

  public var description: String { "connection file \(path): \(problem)" }
}

extension ConnectionFile {
  /// Far more than any connection file; what is larger is something else.
  private static let largest = 1 << 20

  public init(reading path: String) throws(ConnectionFileError) {
    let bytes = try ConnectionFile.contents(of: path)
    let json: JSON
    do { json = try JSON(parsing: bytes) } catch {
      throw ConnectionFileError(path: path, problem: "\(error)")
    }
    try self.init(json: json, path: path)
  }

  /// - Parameter path: for messages.
  public init(json: JSON, path: String) throws(ConnectionFileError) {
    guard case .object(var members) = json else {
      throw ConnectionFileError(path: path, problem: "must hold a JSON object, not \(json.kind)")
    }
    func text(_ name: String, default value: String) throws(ConnectionFileError) -> String {
      guard let member = members.removeValue(forKey: name), !member.isNull else { return value }
      guard let text = member.string else {
        throw ConnectionFileError(path: path, problem: "\(name) must be a string, not \(member.kind)")
      }
      return text
    }
    func port(_ channel: Channel) throws(ConnectionFileError) -> Int {
      guard let member = members.removeValue(forKey: channel.field) else {
        throw ConnectionFileError(path: path, problem: "\(channel.field) is missing")
      }
      guard let port = member.int, (0...65535).contains(port) else {
        throw ConnectionFileError(path: path, problem: "\(channel.field) must be a port number (0 to 65535)")
      }
      return Int(port)
    }
    let transportName = try text("transport", default: "tcp")
    guard let transport = Transport(rawValue: transportName) else {
      throw ConnectionFileError(path: path, problem: "transport “\(transportName)” is neither tcp nor ipc")
    }
    let scheme = try text("signature_scheme", default: ConnectionFile.signatureScheme)
    guard scheme == ConnectionFile.signatureScheme || scheme.isEmpty else {
      throw ConnectionFileError(
        path: path, problem: "signature_scheme “\(scheme)” is not supported; use \(ConnectionFile.signatureScheme)")
    }
    let ip = try text("ip", default: "127.0.0.1")
    let key = try text("key", default: "")
    let name = try text("kernel_name", default: "")
    let ports = (try port(.shell), try port(.iopub), try port(.stdin), try port(.control), try port(.heartbeat))
    self.init(
      transport: transport, ip: ip, shellPort: ports.0, iopubPort: ports.1, stdinPort: ports.2, controlPort: ports.3,
      heartbeatPort: ports.4, key: key, kernelName: name, others: members)
  }

  public var json: JSON {
    var members = others
    members["transport"] = .string(transport.rawValue)
    members["ip"] = .string(ip)
    for channel in Channel.allCases { members[channel.field] = JSON(self[channel]) }
    members["key"] = .string(key)
    members["signature_scheme"] = .string(ConnectionFile.signatureScheme)
    members["kernel_name"] = .string(kernelName)
    return .object(members)
  }

  /// Writes the file with mode 0600 and replaces an older one in one step, so that nobody reads half of it.
  /// - Parameter group: may read it, too (0640): a kernel that does not run as we do.
  public func write(to path: String, readableBy group: UInt32? = nil) throws(ConnectionFileError) {
    let temporary = "\(path).\(getpid()).\(UInt32.random(in: .min ... .max)).tmp"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .system(path, "create \(temporary)") }
    let bytes = json.encoded(pretty: true) + [UInt8(ascii: "\n")]
    var problem: ConnectionFileError?
    if !ConnectionFile.writeAll(bytes, to: descriptor) { problem = .system(path, "write \(temporary)") }
    if let group, problem == nil, fchown(descriptor, .max, group) != 0 || fchmod(descriptor, 0o640) != 0 {
      problem = .system(path, "let group \(group) read it")
    }
    if close(descriptor) != 0 && problem == nil { problem = .system(path, "close \(temporary)") }
    if problem == nil && rename(temporary, path) != 0 { problem = .system(path, "replace it") }
    if let problem {
      unlink(temporary)
      throw problem
    }
  }

  private static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    bytes.withUnsafeBytes { buffer in
      var written = 0
      while written < buffer.count {
        let count = Glibc.write(descriptor, buffer.baseAddress! + written, buffer.count - written)
        if count < 0 && errno != EINTR { return false }
        written += max(0, count)
      }
      return true
    }
  }

  private static func contents(of path: String) throws(ConnectionFileError) -> [UInt8] {
    // Not blocking, so that a pipe of that name cannot hold up its reader.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .system(path, "open it") }
    defer { close(descriptor) }
    var info = stat()
    guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
      throw ConnectionFileError(path: path, problem: "is no regular file")
    }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      if count == 0 { return bytes }
      if count < 0 {
        if errno == EINTR { continue }
        throw .system(path, "read it")
      }
      bytes += chunk[..<count]
      if bytes.count > largest {
        throw ConnectionFileError(path: path, problem: "is larger than 1 MiB, so it is no connection file")
      }
    }
  }
}
