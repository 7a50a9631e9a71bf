// Of which alerts nobody is told for a while, and the file that keeps it: `silences.json` of the fleet directory.
import FleetEngine
import Foundation
import Glibc
import JSON
import Logging

public struct Silence: Sendable, Hashable {
  /// Eight hexadecimal digits.
  public var id: String
  /// Labels that an alert must have, with these values. As Alertmanager has it, `alertname`, `severity`, `kernel_id` and
  /// `kernel_name` are labels, too.
  public var matchers: [String: String]
  /// Milliseconds since 1970.
  public var createdAt: Int64
  public var endsAt: Int64
  public var createdBy: String
  public var comment: String

  func silences(_ labels: [String: String]) -> Bool { matchers.allSatisfy { labels[$0.key] == $0.value } }

  public var json: JSON {
    [
      "id": .string(id), "matchers": .object(matchers.mapValues(JSON.string)),
      "created_at": .string(KernelView.text(ofMilliseconds: createdAt)),
      "ends_at": .string(KernelView.text(ofMilliseconds: endsAt)), "created_by": .string(createdBy),
      "comment": .string(comment),
    ]
  }
}

/// What a client may say about a silence that it wants.
public struct SilenceRequest: Sendable {
  var matchers: [String: String] = [:]
  /// Id, UUID, name or port.
  var kernel: String?
  var duration: Double = 0
  var createdBy = ""
  var comment = ""

  /// - Throws: `badRequest` that names the member that is wrong.
  public init(json: JSON) throws(EngineError) {
    guard case .object(let members) = json else {
      throw EngineError(.badRequest, "the body must be a JSON object, not \(json.kind)")
    }
    for (name, value) in members.sorted(by: { $0.key < $1.key }) {
      switch name {
      case "alert": matchers["alertname"] = try Self.text(name, value, most: 200)
      case "severity": matchers["severity"] = try Self.text(name, value, most: 64)
      case "kernel": kernel = try Self.text(name, value, most: 200)
      case "created_by": createdBy = try Self.text(name, value, most: 200)
      case "comment": comment = try Self.text(name, value, most: 1000)
      case "duration_seconds":
        guard let seconds = value.double, (1...31_536_000).contains(seconds) else {
          throw EngineError(.badRequest, "'duration_seconds' goes from 1 to 31536000, a year")
        }
        duration = seconds
      case "labels":
        guard let labels = value.object, (1...64).contains(labels.count) else {
          throw EngineError(.badRequest, "'labels' must be an object of 1 to 64 strings")
        }
        for (label, value) in labels { matchers[label] = try Self.text("labels.\(label)", value, most: 256) }
      default:
        throw EngineError(
          .badRequest,
          "unknown member '\(name)'; known are alert, comment, created_by, duration_seconds, kernel, labels, severity")
      }
    }
    guard duration > 0 else { throw EngineError(.badRequest, "'duration_seconds' says for how long; it is missing") }
    guard !matchers.isEmpty || kernel != nil else {
      throw EngineError(.badRequest, "a silence of everything is none; name an alert, a kernel, a severity or labels")
    }
  }

  private static func text(_ name: String, _ value: JSON, most: Int) throws(EngineError) -> String {
    guard let text = value.string, text.unicodeScalars.count <= most else {
      throw EngineError(.badRequest, "'\(name)' must be a string of at most \(most) characters")
    }
    return text
  }
}

/// The file. What cannot be read is set aside under a new name, never deleted.
struct SilenceFile: Sendable {
  let path: String
  static let largest = 4 << 20

  func load(_ log: Logger) -> [Silence] {
    do throws(SystemError) {
      guard let bytes = try SmallFile.record(path, limit: Self.largest) else { return [] }
      // What the parser says is of no use to somebody who did not write the file.
      if let silences = (try? JSON(parsing: bytes))?["silences"]?.array?.map(Self.silence), !silences.contains(nil) {
        return silences.compactMap(\.self)
      }
      let aside = "\(path).damaged-\(FleetHost.wallMilliseconds())"
      let isAside = rename(path, aside) == 0
      log.error("\(path) is damaged\(isAside ? " and is now \(aside)" : ""); alerts that it silenced are told again")
    } catch {
      log.error("\(error); alerts that it silenced are told again")
    }
    return []
  }

  func save(_ silences: [Silence]) throws(StorageError) {
    let document: JSON = ["silences": .array(silences.map(Self.document))]
    try KernelFiles.replace(path, with: document.encoded(pretty: true) + [UInt8(ascii: "\n")], isDurable: true)
  }

  /// Times as numbers, which come back exactly.
  private static func document(_ silence: Silence) -> JSON {
    [
      "id": .string(silence.id), "matchers": .object(silence.matchers.mapValues(JSON.string)),
      "created_at_ms": JSON(silence.createdAt), "ends_at_ms": JSON(silence.endsAt),
      "created_by": .string(silence.createdBy), "comment": .string(silence.comment),
    ]
  }

  private static func silence(_ json: JSON) -> Silence? {
    guard let id = json["id"]?.string, let matchers = json["matchers"]?.object?.compactMapValues(\.string),
      !matchers.isEmpty, let created = json["created_at_ms"]?.int, let ends = json["ends_at_ms"]?.int
    else { return nil }
    return Silence(
      id: id, matchers: matchers, createdAt: created, endsAt: ends, createdBy: json["created_by"]?.string ?? "",
      comment: json["comment"]?.string ?? "")
  }
}
