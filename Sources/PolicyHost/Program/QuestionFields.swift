// What policies are asked about, as Lua sees it: the names of the fields, and their values in the same order.

import FleetEngine
import LuaRuntime

extension Requirements {
  public static let fields = [
    "language", "kernelspec", "config", "provider", "model", "memory", "labels", "owner", "session",
    "source", "path",
  ]
}

extension Specification {
  public static let fields = [
    "kernelspec", "language", "config", "provider", "model", "name", "labels", "owner", "pool", "memory", "cpu",
    "processes", "open_files", "file_size", "nice",
  ]
}

extension PoolView {
  public static let fields = [
    "name", "min", "max", "warm", "kernels", "starting", "used", "free", "draining", "waiting", "arrivals",
  ]
}

extension Crash {
  public static let fields = ["code", "signal", "out_of_memory", "reason", "recent", "uptime", "proposal"]
}

extension PolicyQuestion.Subject {
  /// The number of the view in the schema that the fields belong to; nil if there are none.
  var view: Int? {
    switch self {
    case .route: 0
    case .admit: 1
    case .scale: 2
    case .restart: 3
    case .alert: nil
    }
  }

  /// The key of the row that it is about.
  var row: String? { if case .restart(let crash) = self { crash.uuid } else { nil } }
}

extension LuaEncoder {
  func append(_ subject: PolicyQuestion.Subject) {
    switch subject {
    case .route(let requirements): append(requirements)
    case .admit(let specification): append(specification)
    case .scale(let pool): append(pool)
    case .restart(let crash): append(crash)
    case .alert: break
    }
  }

  private func append(_ request: Requirements) {
    append(text: request.language)
    append(text: request.kernelspec)
    append(text: request.config)
    append(text: request.provider)
    append(text: request.model)
    append(integer: request.memory)
    append(texts: request.labels)
    append(text: request.owner)
    append(text: request.session)
    append(text: request.source)
    append(text: request.path)
  }

  private func append(_ specification: Specification) {
    append(text: specification.kernelspec)
    append(text: specification.language)
    append(text: specification.config.map(Requirements.fileName))
    append(text: specification.provider)
    append(text: specification.model)
    append(text: specification.name)
    append(texts: specification.labels)
    append(text: specification.owner)
    append(text: specification.pool)
    append(integer: specification.limits.memory)
    append(number: specification.limits.cpu)
    append(integer: specification.limits.processes.map(Int64.init))
    append(integer: specification.limits.openFiles.map(Int64.init))
    append(integer: specification.limits.fileSize)
    append(integer: specification.limits.nice.map(Int64.init))
  }

  private func append(_ pool: PoolView) {
    append(text: pool.name)
    for count in [
      pool.minimum, pool.maximum, pool.warm, pool.kernels, pool.starting, pool.used, pool.free, pool.draining,
      pool.waiting,
    ] { append(integer: Int64(count)) }
    append(number: pool.arrivals)
  }

  private func append(_ crash: Crash) {
    append(integer: crash.exit.code.map(Int64.init))
    append(integer: crash.exit.signal.map(Int64.init))
    append(boolean: crash.exit.outOfMemory)
    append(text: crash.reason)
    append(integer: Int64(crash.recent))
    append(number: crash.uptime)
    append(number: crash.proposal)
  }
}
