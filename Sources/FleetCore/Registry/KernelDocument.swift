// The durable part of a kernel as JSON: a row of the registry, and the copy in the connection file from which a kernel
// is adopted when the registry is lost.
import struct FleetConfiguration.UIDRange
import FleetEngine
import JSON

/// Why a document is no kernel; says which member is wrong.
struct KernelDocumentError: Error, CustomStringConvertible {
  let description: String
}

enum KernelDocument {
  static func encode(_ kernel: Kernel, backoff: Duration?, bootID: String) -> JSON {
    let specification = kernel.specification
    var document: [String: JSON] = [
      "uuid": .string(kernel.id.uuid), "serial": JSON(kernel.serial), "key": .string(kernel.key),
      "port": JSON(kernel.port), "generation": JSON(kernel.generation), "status": .string(kernel.status.rawValue),
      "restarts": JSON(kernel.restarts), "sessions": .array(kernel.sessions.map(JSON.string)),
      "was_ready": .bool(kernel.wasReady), "boot_id": .string(bootID),
      "kernelspec": .string(specification.kernelspec), "language": .string(specification.language),
      "labels": .object(specification.labels.mapValues(JSON.string)), "owner": .string(specification.owner),
      "limits": encode(specification.limits),
    ]
    if specification.hardening != Hardening() { document["hardening"] = encode(specification.hardening) }
    if kernel.isClaimed { document["claimed"] = true }
    if kernel.wasUsed { document["used"] = true }
    if kernel.isDraining { document["draining"] = true }
    document["config"] = specification.config.map(JSON.string)
    document["provider"] = specification.provider.map(JSON.string)
    document["model"] = specification.model.map(JSON.string)
    document["name"] = specification.name.map(JSON.string)
    document["pool"] = specification.pool.map(JSON.string)
    document["working_directory"] = specification.workingDirectory.map(JSON.string)
    document["wanted_port"] = specification.port.map { JSON($0) }
    document["request"] = specification.request.map {
      ["key": .string($0.key), "body": .string($0.body), "at": JSON($0.at)]
    }
    document["exit"] = kernel.exit.map(encode)
    document["started_at"] = kernel.process.map { JSON($0.startedAt) }
    document["backoff_ms"] = backoff.map { JSON($0.nanoseconds / 1_000_000) }
    switch kernel.afterStop {
    case .remove: break
    case .restart: document["after_stop"] = "restart"
    case .fail(let reason): document["after_stop"] = ["fail": .string(reason)]
    }
    return .object(document)
  }

  static func encode(_ limits: Limits) -> JSON {
    var members: [String: JSON] = [:]
    members["memory"] = limits.memory.map { JSON($0) }
    members["cpu"] = limits.cpu.map { JSON($0) }
    members["processes"] = limits.processes.map { JSON($0) }
    members["open_files"] = limits.openFiles.map { JSON($0) }
    members["file_size"] = limits.fileSize.map { JSON($0) }
    members["nice"] = limits.nice.map { JSON($0) }
    if limits.bestEffort { members["best_effort"] = true }
    return .object(members)
  }

  private static func encode(_ hardening: Hardening) -> JSON {
    [
      "private_tmp": .bool(hardening.privateTmp), "landlock": .bool(hardening.landlock),
      "seccomp": .bool(hardening.seccomp), "first_user": JSON(hardening.firstUser.map { Int64($0) }),
    ]
  }

  static func encode(_ exit: ExitInfo) -> JSON {
    var members: [String: JSON] = [
      "code": JSON(exit.code), "signal": JSON(exit.signal), "oom": .bool(exit.outOfMemory), "detail": JSON(exit.detail),
      "ended_at": JSON(exit.endedAt), "lost": .bool(exit.isLost),
    ]
    members["limit"] = exit.limit.map { .string($0.rawValue) }
    if exit.isIdle { members["idle"] = true }
    if exit.isUnseen { members["unseen"] = true }
    return .object(members)
  }

  /// A kernel as it was stored, without process and observations.
  struct Stored: Sendable {
    var kernel: Kernel
    var backoff: Duration?
    var bootID: String
    var startedAt: Int64?
  }

  static func decode(_ json: JSON) throws(KernelDocumentError) -> Stored {
    let reader = Reader(json: json)
    let uuid = try reader.string("uuid")
    guard let id = KernelID(uuid: uuid) else { throw KernelDocumentError(description: "uuid '\(uuid)' is none") }
    var kernel = Kernel(
      id: id, serial: try reader.int("serial"), specification: try specification(reader), key: try reader.string("key"),
      port: try reader.int("port"))
    guard (1...65_531).contains(kernel.port) else { throw KernelDocumentError(description: "port \(kernel.port)") }
    guard let status = Status(rawValue: try reader.string("status")) else {
      throw KernelDocumentError(description: "status \(json["status"] ?? nil)")
    }
    kernel.status = status
    kernel.generation = try reader.int("generation")
    kernel.restarts = try reader.int("restarts")
    kernel.wasReady = json["was_ready"]?.bool ?? false
    kernel.isClaimed = json["claimed"]?.bool ?? false
    kernel.wasUsed = json["used"]?.bool ?? false
    kernel.isDraining = json["draining"]?.bool ?? false
    kernel.sessions = json["sessions"]?.array?.compactMap(\.string) ?? []
    kernel.exit = json["exit"].flatMap(exit)
    if json["after_stop"]?.string == "restart" { kernel.afterStop = .restart }
    if let reason = json["after_stop"]?["fail"]?.string { kernel.afterStop = .fail(reason) }
    return Stored(
      kernel: kernel, backoff: json["backoff_ms"]?.int.map { .milliseconds($0) },
      bootID: json["boot_id"]?.string ?? "", startedAt: json["started_at"]?.int)
  }

  private static func specification(_ reader: Reader) throws(KernelDocumentError) -> Specification {
    let json = reader.json
    let limits = json["limits"] ?? [:]
    let hardening = json["hardening"] ?? [:]
    var specification = Specification(
      kernelspec: try reader.string("kernelspec"), language: try reader.string("language"),
      config: json["config"]?.string, provider: json["provider"]?.string, model: json["model"]?.string,
      name: json["name"]?.string, labels: (json["labels"]?.object ?? [:]).compactMapValues(\.string),
      owner: json["owner"]?.string ?? "", pool: json["pool"]?.string,
      limits: Limits(
        memory: limits["memory"]?.int, cpu: limits["cpu"]?.double, processes: limits["processes"]?.int.map { Int($0) },
        openFiles: limits["open_files"]?.int.map { Int($0) }, fileSize: limits["file_size"]?.int,
        nice: limits["nice"]?.int.map { Int($0) }, bestEffort: limits["best_effort"]?.bool ?? false),
      hardening: Hardening(
        privateTmp: hardening["private_tmp"]?.bool ?? false, landlock: hardening["landlock"]?.bool ?? false,
        seccomp: hardening["seccomp"]?.bool ?? false,
        firstUser: try firstUser(hardening)),
      port: json["wanted_port"]?.int.map { Int($0) }, workingDirectory: json["working_directory"]?.string)
    if let request = json["request"], let key = request["key"]?.string, let body = request["body"]?.string {
      specification.request = RequestKey(key: key, body: body, at: request["at"]?.int ?? 0)
    }
    return specification
  }

  /// What cannot be one must not start a kernel as the host's user instead.
  private static func firstUser(_ hardening: JSON) throws(KernelDocumentError) -> UInt32? {
    guard let value = hardening["first_user"], !value.isNull else { return nil }
    guard let user = value.int.flatMap(UInt32.init(exactly:)), user > 0, user <= .max - UIDRange.count else {
      throw KernelDocumentError(description: "first_user \(value.text())")
    }
    return user
  }

  private static func exit(_ json: JSON) -> ExitInfo? {
    guard case .object = json else { return nil }
    return ExitInfo(
      code: json["code"]?.int.map { Int($0) }, signal: json["signal"]?.int.map { Int($0) },
      outOfMemory: json["oom"]?.bool ?? false, limit: json["limit"]?.string.flatMap(ExitInfo.Limit.init(rawValue:)),
      isIdle: json["idle"]?.bool ?? false, isUnseen: json["unseen"]?.bool ?? false, detail: json["detail"]?.string,
      endedAt: json["ended_at"]?.int, isLost: json["lost"]?.bool ?? false)
  }

  /// Members that must be there.
  private struct Reader {
    let json: JSON

    func string(_ name: String) throws(KernelDocumentError) -> String {
      guard let value = json[name]?.string else { throw KernelDocumentError(description: "\(name) is no string") }
      return value
    }

    func int(_ name: String) throws(KernelDocumentError) -> Int {
      guard let value = json[name]?.int, value >= 0, value <= Int32.max else {
        throw KernelDocumentError(description: "\(name) is no count")
      }
      return Int(value)
    }
  }
}
