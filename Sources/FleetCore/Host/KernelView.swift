// A kernel as a document: of the HTTP API, of `--json`, and of registry.json.
import FleetConfiguration
import FleetEngine
import Foundation
import JSON

/// What the host can tell of one kernel at one moment.
public struct KernelView: Sendable {
  public var kernel: Kernel
  public var connectionFile: String
  public var logFile: String
  /// Names that clients gave themselves.
  public var clientNames: [String] = []
  /// Milliseconds since 1970.
  public var now: Int64

  /// The kernel of docs/architecture.md.
  public var json: JSON {
    var document = durable
    document["uptime_seconds"] = kernel.process.map { JSON(Double(now - $0.startedAt) / 1000) } ?? .null
    document["health"] = ["state": .string(health.state), "reason": .string(health.reason)]
    document["connections"] = JSON(kernel.connections)
    let sample = kernel.process == nil ? nil : kernel.sample
    document["memory_mb"] = JSON(sample.map { Double($0.memory) / 1_048_576 })
    document["cpu_percent"] = JSON(sample?.cpu)
    document["threads"] = JSON(sample?.threads)
    document["shim_pid"] = JSON(kernel.process?.shim)
    return .object(document)
  }

  /// The part that registry.json shows: nothing that changes while nobody does anything.
  public var durable: [String: JSON] {
    let specification = kernel.specification
    return [
      "id": .string(kernel.id.description), "uuid": .string(kernel.id.uuid), "name": JSON(specification.name),
      "pid": JSON(kernel.process?.kernel), "port": JSON(kernel.port), "language": .string(specification.language),
      "kernelspec": .string(specification.kernelspec), "config": JSON(specification.config),
      "provider": JSON(specification.provider), "model": JSON(specification.model),
      "connection_file": .string(connectionFile), "log_file": .string(logFile),
      "started_at": JSON(kernel.process.map { Self.text(ofMilliseconds: $0.startedAt) }),
      "status": .string(kernel.shownStatus.rawValue), "clients": .array(clientNames.map(JSON.string)),
      "memory_limit": JSON(specification.limits.memory), "cpu_limit": JSON(specification.limits.cpu),
      "processes": JSON(specification.limits.processes), "open_files": JSON(specification.limits.openFiles),
      "file_size": JSON(specification.limits.fileSize), "nice": JSON(specification.limits.nice),
      "hardening": .array(specification.hardening.names.map(JSON.string)),
      "labels": .object(specification.labels.mapValues(JSON.string)), "owner": .string(specification.owner),
      "user": JSON(kernel.user.map { Int64($0.id) }), "pool": JSON(specification.pool),
      "claimed": .bool(kernel.isClaimed), "restarts": JSON(kernel.restarts),
      "exit": exit,
    ]
  }

  private var exit: JSON {
    guard let exit = kernel.exit else { return .null }
    return [
      "code": JSON(exit.code), "signal": JSON(exit.signal),
      "reason": .string(exit.reason(limits: kernel.specification.limits)),
      "ended_at": JSON(exit.endedAt.map(Self.text)),
    ]
  }

  public var health: (state: String, reason: String) {
    switch kernel.status {
    case _ where kernel.isDraining && kernel.status.isUsable: ("HEALTHY", "retires when its last client has left")
    case .idle: ("HEALTHY", "answers")
    case .busy: ("HEALTHY", "busy, and its heart beats")
    case .starting: ("HEALTHY", "starting")
    case .stopping: ("UNHEALTHY", "stopping")
    case .unhealthy: ("UNHEALTHY", "no heartbeat: \(kernel.missedHeartbeats) missed; hung or stopped")
    case .backoff: ("DEAD", "crashed (\(lastWords)); will be started again")
    case .exited: ("DEAD", lastWords)
    case .failed: ("DEAD", "given up; the last end: \(lastWords)")
    case .unknown: ("UNHEALTHY", "its process cannot be told from a stranger's; see fleet doctor")
    }
  }

  private var lastWords: String { kernel.exit?.reason(limits: kernel.specification.limits) ?? "left no word" }

  /// ISO 8601 in UTC with milliseconds.
  public static func text(ofMilliseconds milliseconds: Int64) -> String {
    // The style cuts off what a Double is short of a whole millisecond: without a tenth more, half of all times are early.
    Date(timeIntervalSince1970: (Double(milliseconds) + 0.1) / 1000).formatted(
      Date.ISO8601FormatStyle(includingFractionalSeconds: true))
  }
}
