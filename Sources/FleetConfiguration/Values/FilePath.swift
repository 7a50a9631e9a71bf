// Paths as text: joining and resolving without looking at the disk.
import Glibc

public enum FilePath {
  /// `path`, or where it leads seen from `directory` if it is relative; `~/` is the user's home.
  public static func resolve(_ path: String, against directory: String) -> String {
    if path.hasPrefix("/") { return path }
    if path == "~" || path.hasPrefix("~/"), let home = home() { return home + path.dropFirst() }
    let rest = path.hasPrefix("./") ? path.dropFirst(2) : path[...]
    return directory.hasSuffix("/") ? directory + rest : "\(directory)/\(rest)"
  }

  /// The same as an absolute path, seen from the working directory.
  public static func absolute(_ path: String) -> String { resolve(path, against: workingDirectory()) }

  /// The directory a file is in.
  public static func directory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  public static func name(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
  }

  /// The user's home: `HOME`, else what the user database says; nil where neither tells.
  public static func home() -> String? {
    if let home = environment("HOME"), home.hasPrefix("/") { return home }
    return getpwuid(getuid()).flatMap { $0.pointee.pw_dir }.map { String(cString: $0) }
  }

  package static func workingDirectory() -> String {
    guard let path = getcwd(nil, 0) else { return "/" }  // the directory was removed under us
    defer { free(path) }
    return String(cString: path)
  }

  /// A variable that is set and not empty.
  public static func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// The names in a directory, sorted; none if it cannot be read.
  package static func entries(of directory: String) -> [String] {
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
}
