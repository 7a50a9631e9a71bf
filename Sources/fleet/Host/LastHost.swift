// What a host was told on its command line, for the host that a command starts when it has died.
import FleetConfiguration
import Foundation
import Glibc
import JSON

/// `host.json` of the fleet directory: there while a host with options of its own runs, and after it died. A host that was
/// ended, by `fleet down` or a signal, takes it along: what is typed next counts alone.
struct LastHost: Equatable {
  /// `--config`, absolute.
  var configurationFile: String?
  /// `--http`.
  var http: String?

  private static func file(_ directory: FleetDirectory) -> String { directory.path + "/host.json" }

  /// Nil when there is none.
  /// - Throws: when it cannot be understood.
  static func read(_ directory: FleetDirectory) throws(CommandFailure) -> LastHost? {
    let path = file(directory)
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    guard status.st_mode & S_IFMT == S_IFREG, let text = try? TextFile.read(path), let json = try? JSON(parsing: text),
      let config = json["config"], let http = json["http"], config.isTextOrNull, http.isTextOrNull,
      http.string.map({ (try? HTTPOption(parsing: $0)) != nil }) ?? true
    else {
      throw CommandFailure(
        .failed, "\(path), which tells how the host that died was started, is damaged; start one with fleet up")
    }
    let host = LastHost(configurationFile: config.string, http: http.string)
    return host == LastHost() ? nil : host
  }

  /// Told once the directory is ours. What cannot be written now is missing after a crash, and nothing else.
  func keep(_ directory: FleetDirectory) -> String? {
    if self == LastHost() {
      Self.forget(directory)
      return nil
    }
    let document: JSON = ["config": JSON(configurationFile), "http": JSON(http)]
    do {
      try Data(document.encoded()).write(to: URL(filePath: Self.file(directory)), options: .atomic)
      chmod(Self.file(directory), 0o600)
      return nil
    } catch {
      return "\(Self.file(directory)) cannot be written: \(error.localizedDescription)"
    }
  }

  static func forget(_ directory: FleetDirectory) { unlink(file(directory)) }

  var httpOption: HTTPOption? { http.flatMap { try? HTTPOption(parsing: $0) } }

  /// As it was typed.
  var options: String {
    let words = [configurationFile.map { "--config \($0)" }, http.map { "--http \($0.isEmpty ? "\"\"" : $0)" }]
    return words.compactMap(\.self).joined(separator: " ")
  }
}

extension JSON {
  fileprivate var isTextOrNull: Bool { self == .null || string != nil }
}
