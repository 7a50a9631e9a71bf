// The directories in which Jupyter kernelspecs may be installed, found without asking a Python.
import Glibc

public enum KernelspecSearch {
  /// Jupyter's data directories in its order, those of the interpreters on PATH among them; each once.
  public static func dataDirectories(environment: [String: String]) -> [String] {
    var directories: [String] = []
    func add(_ path: String?) {
      if let path, path.hasPrefix("/"), !directories.contains(path) { directories.append(path) }
    }
    func list(_ name: String) -> [String] { environment[name]?.split(separator: ":").map(String.init) ?? [] }

    for path in list("JUPYTER_PATH") { add(path) }
    let home = environment["HOME"]
    let data = environment["XDG_DATA_HOME"] ?? home.map { $0 + "/.local/share" }
    add(environment["JUPYTER_DATA_DIR"] ?? data.map { $0 + "/jupyter" })
    for prefix in prefixes(environment: environment, searchPath: list("PATH")) { add(prefix + "/share/jupyter") }
    add("/usr/local/share/jupyter")
    add("/usr/share/jupyter")
    return directories
  }

  /// What `sys.prefix` would be for the interpreters that this environment offers.
  private static func prefixes(environment: [String: String], searchPath: [String]) -> [String] {
    var prefixes = ["VIRTUAL_ENV", "CONDA_PREFIX"].compactMap { environment[$0] }
    for directory in searchPath {
      for program in ["python3", "python", "jupyter"] {
        let path = "\(directory)/\(program)"
        guard FilePath.isExecutable(path) else { continue }
        if FilePath.name(of: directory) == "shims" {
          prefixes += pyenvPrefix(root: FilePath.directory(of: directory), environment: environment)
        } else {
          prefixes.append(FilePath.directory(of: directory))
        }
        // A link such as ~/bin/python3 leads to the prefix that it is a part of.
        if let real = realpath(path, nil) {
          prefixes.append(FilePath.directory(of: FilePath.directory(of: String(cString: real))))
          free(real)
        }
      }
    }
    return prefixes
  }

  /// pyenv's programs on PATH are scripts that choose a version; this is the version they choose.
  private static func pyenvPrefix(root: String, environment: [String: String]) -> [String] {
    // The file is missing where pyenv is not; then there is no version to find.
    let chosen = environment["PYENV_VERSION"] ?? (try? TextFile.read(root + "/version"))
    let versions = chosen?.split(whereSeparator: { $0.isWhitespace || $0 == ":" }) ?? []
    return versions.map { "\(root)/versions/\($0)" }
  }
}
