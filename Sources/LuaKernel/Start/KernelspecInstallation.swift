// Registers the Lua kernel with Jupyter, so that its clients start it without a fleet.
import FleetConfiguration
import Glibc
import JSON

/// A kernelspec to be written: where, under which name, for which program.
public struct KernelspecInstallation: Sendable, Hashable {
  public enum Place: Sendable, Hashable {
    /// `JUPYTER_DATA_DIR`, else `jupyter` in `XDG_DATA_HOME`, else in `~/.local/share`.
    case user
    /// `share/jupyter` below a prefix, such as that of a Python environment or `/usr/local`.
    case prefix(String)
  }

  /// What happened, where, and what to do.
  public struct Failure: Error, CustomStringConvertible {
    public let description: String
  }

  public var place: Place
  /// Letters, digits, dots, dashes and underscores.
  public var name: String
  /// The absolute path of `fleet-kernel`.
  public var program: String

  /// - Parameter program: by default `fleet-kernel` in the directory of the running program.
  public init(place: Place = .user, name: String = "fleet-lua", program: String? = nil) {
    self.place = place
    self.name = name
    self.program = program ?? FilePath.directory(of: Installation.current.executable) + "/fleet-kernel"
  }

  /// Writes the kernelspec, replacing one that an earlier installation wrote.
  /// - Returns: the kernelspec's directory.
  /// - Throws: when a file cannot be written, the program is missing, or the name is that of another kernel.
  @discardableResult
  public func install() throws(Failure) -> String {
    guard Self.isName(name) else {
      throw Failure(
        description: "a kernel's name holds letters, digits, dots, dashes and underscores, unlike '\(name)'")
    }
    guard access(program, X_OK) == 0 else {
      throw Failure(description: "there is no program \(program); build or install fleet-kernel first")
    }
    let directory = try dataDirectory() + "/kernels/\(name)"
    try Self.checkOwner(directory)
    try Self.makeDirectory(directory)
    for (name, bytes) in KernelResources.files() { try Self.write(bytes, to: "\(directory)/\(name)") }
    try Self.write(document.encoded(pretty: true) + [UInt8(ascii: "\n")], to: directory + "/kernel.json")
    return directory
  }

  /// The content of `kernel.json`.
  var document: JSON {
    [
      "argv": [.string(program), "start", "-f", "{connection_file}"],
      "display_name": "Lua 5.4 (Fleet)", "language": "lua", "interrupt_mode": "message",
      "kernel_protocol_version": "5.5",
      "metadata": ["debugger": false, "fleet": ["version": .string(KernelInfo.version)]],
    ]
  }

  static func isName(_ text: String) -> Bool {
    guard let first = text.utf8.first, first != UInt8(ascii: "."), text.utf8.count <= 100 else { return false }
    return text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
      default: false
      }
    }
  }

  private func dataDirectory() throws(Failure) -> String {
    if case .prefix(let prefix) = place { return FilePath.absolute(prefix) + "/share/jupyter" }
    if let directory = FilePath.environment("JUPYTER_DATA_DIR") { return FilePath.absolute(directory) }
    if let directory = FilePath.environment("XDG_DATA_HOME") { return FilePath.absolute(directory) + "/jupyter" }
    guard let home = FilePath.home() else {
      throw Failure(description: "this user has no home directory; choose a place by --prefix")
    }
    return home + "/.local/share/jupyter"
  }

  // MARK: Files

  /// Another kernel's specification is not ours to replace.
  private static func checkOwner(_ directory: String) throws(Failure) {
    let path = directory + "/kernel.json"
    guard access(path, F_OK) == 0 else { return }
    let text = fopen(path, "r").map { file -> [UInt8] in
      defer { fclose(file) }
      var bytes = [UInt8](repeating: 0, count: 64 << 10)
      let count = fread(&bytes, 1, bytes.count, file)
      return Array(bytes.prefix(count))
    }
    // What is no JSON was not written by us.
    let existing = try? JSON(parsing: text ?? [])
    guard existing?["metadata"]?["fleet"] != nil else {
      throw Failure(description: "\(path) describes another kernel; choose another name by --name")
    }
  }

  private static func makeDirectory(_ path: String) throws(Failure) {
    if mkdir(path, 0o755) == 0 || errno == EEXIST { return }
    guard errno == ENOENT, path != "/" else { throw failure("make the directory \(path)") }
    try makeDirectory(FilePath.directory(of: path))
    guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw failure("make the directory \(path)") }
  }

  /// Whole or not at all, for a client may read it now.
  private static func write(_ bytes: [UInt8], to path: String) throws(Failure) {
    let temporary = "\(path).\(getpid())"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failure("write \(path)") }
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { break }
      rest = rest.dropFirst(count)
    }
    let problem = rest.isEmpty ? nil : failure("write \(path)")
    close(descriptor)
    if problem == nil, rename(temporary, path) == 0 { return }
    let error = problem ?? failure("write \(path)")
    unlink(temporary)
    throw error
  }

  private static func failure(_ action: String) -> Failure {
    Failure(description: "cannot \(action): \(String(cString: strerror(errno)))")
  }
}
