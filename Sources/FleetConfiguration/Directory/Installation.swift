// Where the running program was installed or built, and what stands beside it.
import Glibc

/// The files that ship with the program.
public struct Installation: Sendable, Hashable {
  /// The running executable, symbolic links resolved.
  public let executable: String

  public init(executable: String) { self.executable = executable }

  /// Of this process.
  public static var current: Installation {
    guard let path = realpath("/proc/self/exe", nil) else { return Installation(executable: CommandLine.arguments[0]) }
    defer { free(path) }
    return Installation(executable: String(cString: path))
  }

  private var directory: String { FilePath.directory(of: executable) }

  /// The directory with `configs/` and `policies/`: `../share/fleet` of an installed program, else the package that
  /// the program was built in; nil if neither is there.
  public var sharedDirectory: String? {
    let installed = FilePath.directory(of: directory) + "/share/fleet"
    if FilePath.isDirectory(installed + "/configs") { return installed }
    var candidate = directory
    while candidate != "/" && candidate != "." {
      if TextFile.exists(candidate + "/Package.swift"), FilePath.isDirectory(candidate + "/configs") {
        return candidate
      }
      candidate = FilePath.directory(of: candidate)
    }
    return nil
  }

  /// A program of ours, such as `fleet-shim`: beside the executable, or in `../libexec/fleet`.
  public func program(_ name: String) -> String? {
    ["\(directory)/\(name)", "\(FilePath.directory(of: directory))/libexec/fleet/\(name)"]
      .first(where: FilePath.isExecutable)
  }
}

extension FilePath {
  package static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Whether this user may run it.
  public static func isExecutable(_ path: String) -> Bool { TextFile.exists(path) && access(path, X_OK) == 0 }

  /// What a shell would run for this name; a name with a slash is a path.
  public static func searchExecutable(_ name: String, path: String? = environment("PATH")) -> String? {
    if name.contains("/") { return isExecutable(name) ? name : nil }
    for directory in (path ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":") {
      let candidate = "\(directory)/\(name)"
      if isExecutable(candidate) { return candidate }
    }
    return nil
  }
}
