// What policies were asked, as JSON. The names of members are those that policies see.
import FleetEngine
import JSON

public enum QuestionDocument {
  /// The subject alone; which entry point it is of stands beside it.
  public static func encode(_ subject: PolicyQuestion.Subject) -> JSON {
    switch subject {
    case .admit(let specification): encode(specification)
    case .route(let requirements): encode(requirements)
    case .scale(let pool): encode(pool)
    case .alert: [:]
    case .restart(let crash): encode(crash)
    }
  }

  static func decode(_ entry: EntryPoint, _ reader: DocumentReader) throws(DocumentError) -> PolicyQuestion.Subject {
    switch entry {
    case .admit: .admit(try specification(reader))
    case .route: .route(try requirements(reader))
    case .scale: .scale(try pool(reader))
    case .alert: .alert
    case .restart: .restart(try crash(reader))
    }
  }

  // MARK: admit

  private static func encode(_ specification: Specification) -> JSON {
    var document = DocumentWriter()
    document.set("kernelspec", specification.kernelspec)
    document.set("language", specification.language)
    document.set("config", specification.config)
    document.set("provider", specification.provider)
    document.set("model", specification.model)
    document.set("name", specification.name)
    document.set("labels", specification.labels)
    document.set("owner", specification.owner)
    document.set("pool", specification.pool)
    document.set("port", specification.port)
    document.set("limits", LimitsDocument.encode(specification.limits))
    return document.json
  }

  private static func specification(_ reader: DocumentReader) throws(DocumentError) -> Specification {
    Specification(
      kernelspec: try reader.string("kernelspec"), language: try reader.string("language"),
      config: try reader.optionalString("config"), provider: try reader.optionalString("provider"),
      model: try reader.optionalString("model"), name: try reader.optionalString("name"),
      labels: try reader.stringsByName("labels"), owner: try reader.optionalString("owner") ?? "",
      pool: try reader.optionalString("pool"), limits: try LimitsDocument.decode(try reader.object("limits")),
      port: try reader.optionalInt("port").map { Int($0) })
  }

  // MARK: route

  private static func encode(_ requirements: Requirements) -> JSON {
    var document = DocumentWriter()
    document.set("language", requirements.language)
    document.set("kernelspec", requirements.kernelspec)
    document.set("config", requirements.config)
    document.set("provider", requirements.provider)
    document.set("model", requirements.model)
    document.set("memory", requirements.memory)
    document.set("labels", requirements.labels)
    document.set("owner", requirements.owner)
    document.set("session", requirements.session)
    document.set("source", requirements.source)
    document.set("path", requirements.path)
    return document.json
  }

  private static func requirements(_ reader: DocumentReader) throws(DocumentError) -> Requirements {
    Requirements(
      language: try reader.optionalString("language"), kernelspec: try reader.optionalString("kernelspec"),
      config: try reader.optionalString("config"), provider: try reader.optionalString("provider"),
      model: try reader.optionalString("model"), memory: try reader.optionalInt("memory"),
      labels: try reader.stringsByName("labels"), owner: try reader.optionalString("owner"),
      session: try reader.optionalString("session"), source: try reader.optionalString("source"),
      path: try reader.optionalString("path"))
  }

  // MARK: scale

  private static func encode(_ pool: PoolView) -> JSON {
    [
      "name": .string(pool.name), "min": JSON(pool.minimum), "max": JSON(pool.maximum), "warm": JSON(pool.warm),
      "kernels": JSON(pool.kernels), "starting": JSON(pool.starting), "used": JSON(pool.used),
      "free": JSON(pool.free), "draining": JSON(pool.draining), "waiting": JSON(pool.waiting),
      "arrivals": .double(pool.arrivals),
    ]
  }

  private static func pool(_ reader: DocumentReader) throws(DocumentError) -> PoolView {
    PoolView(
      name: try reader.string("name"), minimum: try reader.int("min"), maximum: try reader.int("max"),
      warm: try reader.int("warm"), kernels: try reader.int("kernels"), starting: try reader.int("starting"),
      used: try reader.int("used"), free: try reader.int("free"), draining: try reader.int("draining"),
      waiting: try reader.int("waiting"), arrivals: try reader.double("arrivals"))
  }

  // MARK: restart

  private static func encode(_ crash: Crash) -> JSON {
    var document = DocumentWriter()
    document.set("kernel", crash.uuid)
    document.set("reason", crash.reason)
    document.set("recent", crash.recent)
    document.set("uptime", crash.uptime)
    document.set("proposal", crash.proposal)
    var exit = DocumentWriter()
    exit.set("code", crash.exit.code)
    exit.set("signal", crash.exit.signal)
    exit.set("out_of_memory", flag: crash.exit.outOfMemory)
    exit.set("limit", crash.exit.limit?.rawValue)
    exit.set("unseen", flag: crash.exit.isUnseen)
    exit.set("detail", crash.exit.detail)
    exit.set("ended_at", crash.exit.endedAt)
    exit.set("lost", flag: crash.exit.isLost)
    document.set("exit", exit.json)
    return document.json
  }

  private static func crash(_ reader: DocumentReader) throws(DocumentError) -> Crash {
    let exit = try reader.object("exit")
    return Crash(
      uuid: try reader.string("kernel"),
      exit: ExitInfo(
        code: try exit.optionalInt("code").map { Int($0) }, signal: try exit.optionalInt("signal").map { Int($0) },
        outOfMemory: try exit.bool("out_of_memory"),
        limit: try exit.optionalString("limit").flatMap(ExitInfo.Limit.init(rawValue:)),
        isUnseen: try exit.bool("unseen"), detail: try exit.optionalString("detail"),
        endedAt: try exit.optionalInt("ended_at"), isLost: try exit.bool("lost")),
      reason: try reader.string("reason"), recent: try reader.int("recent"),
      uptime: try reader.optionalDouble("uptime"), proposal: try reader.optionalDouble("proposal"))
  }
}

enum LimitsDocument {
  static func encode(_ limits: Limits) -> JSON {
    var document = DocumentWriter()
    document.set("memory", limits.memory)
    document.set("cpu", limits.cpu)
    document.set("processes", limits.processes)
    document.set("open_files", limits.openFiles)
    document.set("file_size", limits.fileSize)
    document.set("nice", limits.nice)
    document.set("best_effort", flag: limits.bestEffort)
    return document.json
  }

  static func decode(_ reader: DocumentReader) throws(DocumentError) -> Limits {
    Limits(
      memory: try reader.optionalInt("memory"), cpu: try reader.optionalDouble("cpu"),
      processes: try reader.optionalInt("processes").map { Int($0) },
      openFiles: try reader.optionalInt("open_files").map { Int($0) }, fileSize: try reader.optionalInt("file_size"),
      nice: try reader.optionalInt("nice").map { Int($0) }, bestEffort: try reader.bool("best_effort"))
  }
}
