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
  /// Resident memory of its process in bytes; nil if it has none.
  public var memory: Int64?
  /// Per cent of one core since the sample before.
  public var cpu: Double?
  /// Milliseconds since 1970.
  public var now: Int64

  /// With memory and CPU as they are now.
  func measured(by usage: UsageSampler) -> KernelView {
    guard let sample = kernel.process.flatMap({ usage.sample($0.kernel) }) else { return self }
    var view = self
    view.memory = sample.memory
    view.cpu = sample.cpu
    return view
  }

  /// The kernel of docs/architecture.md.
  public var json: JSON {
    var document = durable
    document["uptime_seconds"] = kernel.process.map { JSON(Double(now - $0.startedAt) / 1000) } ?? .null
    document["health"] = ["state": .string(health.state), "reason": .string(health.reason)]
    document["connections"] = JSON(kernel.connections)
    document["memory_mb"] = JSON(memory.map { Double($0) / 1_048_576 })
    document["cpu_percent"] = JSON(cpu)
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
      "status": .string(kernel.status.rawValue), "clients": .array(clientNames.map(JSON.string)),
      "memory_limit": JSON(specification.limits.memory), "cpu_limit": JSON(specification.limits.cpu),
      "labels": .object(specification.labels.mapValues(JSON.string)), "owner": .string(specification.owner),
      "pool": JSON(specification.pool), "restarts": JSON(kernel.restarts), "exit": exit,
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
    Date(timeIntervalSince1970: Double(milliseconds) / 1000).formatted(
      Date.ISO8601FormatStyle(includingFractionalSeconds: true))
  }
}

extension Decision {
  /// The decision of docs/architecture.md.
  public var json: JSON {
    [
      "id": JSON(id), "entry": .string(question.entry.rawValue), "policy": JSON(policy.policy),
      "hash": JSON(policy.hash),
      "answer": .string(answerText), "reason": .string(reason), "fallback": .bool(isFallback),
      "error": JSON(policy.failure), "duration_us": JSON(Double(policy.duration.nanoseconds) / 1000),
      "spawned": .bool(spawned),
    ]
  }

  private var answerText: String {
    switch outcome {
    case .route(.use(let kernel)): "use \(kernel)"
    case .route(.spawn(let config, let language)):
      "spawn " + (config.map(Requirements.fileName) ?? language ?? "a kernel")
    case .route(.wait(let seconds)): "wait \(seconds) s"
    case .route(.reject(let why)), .admit(.reject(let why)): "reject: \(why)"
    case .admit(.allow): "allow"
    case .scale(let answer): "\(answer.wanted) kernels"
    case .alert(let conditions): conditions.map(\.name).joined(separator: ", ")
    case .restart(.restart(let seconds)): "restart after \(seconds) s"
    case .restart(.giveUp(let why)): "give up: \(why)"
    }
  }
}
