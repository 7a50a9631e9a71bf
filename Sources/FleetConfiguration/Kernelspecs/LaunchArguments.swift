// From a kernelspec's argv and env, with their placeholders, to what is started.
import Glibc

/// The values that fill a kernelspec's placeholders.
public struct LaunchArguments: Sendable, Hashable {
  public var connectionFile: String
  /// The base port.
  public var port: Int
  public var id: String
  /// The kernel config's path; without one, an argument that is just `{config}` is left out, with the option before it.
  public var config: String?
  public var logFile: String
  public var pidFile: String

  public init(connectionFile: String, port: Int, id: String, config: String?, logFile: String, pidFile: String) {
    self.connectionFile = connectionFile
    self.port = port
    self.id = id
    self.config = config
    self.logFile = logFile
    self.pidFile = pidFile
  }

  /// The arguments to start a kernel with, the program first. Unknown placeholders stay as they are, as in Jupyter.
  public func command(for spec: Kernelspec) -> [String] {
    let values = values(for: spec)
    var command: [String] = []
    for argument in spec.argv {
      if argument == "{config}", config == nil {
        if command.count > 1, command[command.count - 1].hasPrefix("-") { command.removeLast() }
        continue
      }
      command.append(Self.fill(argument, values))
    }
    if let interpreter = spec.interpreter { command[0] = interpreter }
    return command
  }

  /// The kernelspec's own variables; `${NAME}` in them is taken from the environment, as Jupyter does.
  public static func environment(for spec: Kernelspec, inherited: [String: String]) -> [String: String] {
    spec.environment.mapValues { substitute($0, inherited) }
  }

  private func values(for spec: Kernelspec) -> [String: String] {
    var values = [
      "connection_file": connectionFile, "port": String(port), "id": id, "config": config ?? "", "log_file": logFile,
      "pid_file": pidFile, "resource_dir": spec.resourceDirectory ?? "",
    ]
    values["prefix"] = spec.prefix
    return values
  }

  private static func fill(_ text: String, _ values: [String: String]) -> String {
    var result = ""
    var rest = text[...]
    while let open = rest.firstIndex(of: "{") {
      result += rest[..<open]
      rest = rest[open...]
      if let close = rest.firstIndex(of: "}"), let value = values[String(rest[rest.index(after: open)..<close])] {
        result += value
        rest = rest[rest.index(after: close)...]
      } else {
        result += "{"
        rest = rest.dropFirst()
      }
    }
    return result + rest
  }

  /// Python's `string.Template.safe_substitute`: `$$`, `$NAME`, `${NAME}`; what is unknown stays.
  private static func substitute(_ text: String, _ values: [String: String]) -> String {
    var result = ""
    var rest = text[...]
    while let dollar = rest.firstIndex(of: "$") {
      result += rest[..<dollar]
      rest = rest[rest.index(after: dollar)...]
      if rest.first == "$" {
        result += "$"
        rest = rest.dropFirst()
        continue
      }
      let braced = rest.first == "{"
      let word = (braced ? rest.dropFirst() : rest).prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
      let after = rest[word.endIndex...]
      guard let value = values[String(word)], !braced || after.first == "}" else {
        result += "$"
        continue
      }
      result += value
      rest = braced ? after.dropFirst() : after
    }
    return result + rest
  }
}

extension Kernelspec {
  /// The prefix that it is installed under: `P` of `P/share/jupyter/kernels/NAME`.
  var prefix: String? {
    guard case .directory(let path) = source, let end = path.range(of: "/share/jupyter/kernels/") else { return nil }
    return String(path[..<end])
  }

  /// The interpreter that a bare `python` or `python3` stands for. Jupyter takes the one it runs in; here it is the
  /// one beside the kernelspec, because that is where the kernel's package is installed. Nil for every other program.
  var interpreter: String? {
    guard let program = argv.first, ["python", "python3"].contains(program), let prefix else { return nil }
    return ["\(prefix)/bin/python3", "\(prefix)/bin/python"].first(where: FilePath.isExecutable)
  }

  /// The file that would be started; nil if the program is not on this machine.
  public var executable: String? {
    interpreter ?? argv.first.flatMap { FilePath.searchExecutable($0) }
  }
}

extension String {
  /// Where `text` begins, without Foundation.
  fileprivate func range(of text: String) -> String.Index? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(text) { return start }
      start = index(after: start)
    }
    return nil
  }
}
