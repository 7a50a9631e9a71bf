// A script file as code for a kernel: its language, and its arguments in the language's own way.
import FleetConfiguration
import Glibc
import JSON
import JupyterProtocol

struct Script {
  let path: String
  let text: String

  init(path: String, text: String) {
    self.path = path
    self.text = text
  }

  /// Reads the script; "-" is standard input.
  init(path: String) throws {
    self.path = path
    guard path != "-" else {
      text = try InputReader.everything()
      return
    }
    text = try Self.read(path)
  }

  private static let languages = [
    "lua": "lua", "py": "python", "js": "javascript", "mjs": "javascript", "ts": "typescript", "r": "r", "R": "r",
    "jl": "julia", "rb": "ruby", "sh": "bash",
  ]

  /// By its extension, else by the interpreter of its first line; nil if neither tells.
  var language: String? {
    let name = FilePath.name(of: path)
    if let dot = name.lastIndex(of: "."), let language = Self.languages[String(name[name.index(after: dot)...])] {
      return language
    }
    guard text.hasPrefix("#!"), let line = text.split(separator: "\n").first else { return nil }
    let words = line.dropFirst(2).split { $0 == " " || $0 == "/" }
    let interpreter = words.last { !$0.hasPrefix("-") }?.prefix { $0.isLetter } ?? ""
    return ["lua", "python", "julia", "ruby", "bash"].contains(interpreter) ? String(interpreter) : nil
  }

  /// What is executed, one after the other: the script, perhaps after code that gives it its arguments.
  /// - Throws: if there is no way known to give a script of this language arguments.
  func executions(kernelspec: String, language: String, arguments: [String]) throws -> [ExecuteRequest] {
    var script = ExecuteRequest(text)
    if kernelspec == "lua" {
      // Our own kernel takes a script as the lua command does.
      script.metadata = ["fleet": ["script": .string(fullPath), "args": .array(arguments.map(JSON.string))]]
      return [script]
    }
    switch language {
    case "lua":
      // lua itself skips such a first line only in files. Lines keep their numbers.
      if text.hasPrefix("#") { script.code = "--" + text }
      let list = ["[0] = \(Self.luaString(fullPath))"] + arguments.map(Self.luaString)
      return [Self.silently("arg = {\(list.joined(separator: ", "))}"), script]
    case "python":
      let list = ([fullPath] + arguments).map(Self.pythonString)
      return [Self.silently("import sys; sys.argv = [\(list.joined(separator: ", "))]"), script]
    default:
      guard arguments.isEmpty else {
        throw CommandFailure(
          .usage, "scripts in \(language) cannot be given arguments; fleet knows how for lua and python")
      }
      return [script]
    }
  }

  private var fullPath: String { path == "-" ? "stdin" : FilePath.absolute(path) }

  private static func silently(_ code: String) -> ExecuteRequest {
    var request = ExecuteRequest(code)
    request.silent = true
    return request
  }

  /// Any byte of a string as decimal escapes where it is not plain.
  private static func luaString(_ text: String) -> String {
    var result = "\""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): result += "\\" + String(Unicode.Scalar(byte))
      case 0x20..<0x7F: result.unicodeScalars.append(Unicode.Scalar(byte))
      default: result += "\\" + String(1000 + Int(byte)).dropFirst()
      }
    }
    return result + "\""
  }

  private static func pythonString(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x22, 0x5C: result += "\\" + String(scalar)
      case 0x20..<0x7F: result.unicodeScalars.append(scalar)
      default:
        let hex = String(scalar.value, radix: 16)
        result += "\\U" + String(repeating: "0", count: 8 - hex.count) + hex
      }
    }
    return result + "\""
  }

  private static func read(_ path: String) throws -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw CommandFailure(
        errno == ENOENT ? .notFound : .failed, "cannot read the script \(path): \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else {
        throw CommandFailure(.failed, "cannot read the script \(path): \(String(cString: strerror(errno)))")
      }
      if count == 0 { break }
      bytes += chunk[..<count]
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw CommandFailure(.failed, "the script \(path) is not UTF-8 text")
    }
    return text
  }
}
