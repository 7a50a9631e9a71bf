// What a policy is asked, as fixtures write it: requests, pools, ends of kernels.

import FleetEngine
import LuaRuntime

extension PolicyQuestion.Subject {
  /// - Parameters:
  ///   - rows: the fleet, from which the counts of a pool are taken that it does not give itself.
  static func admit(_ request: LuaValue) throws(ToolError) -> Self {
    var fields = try FieldReader(request, "request")
    let language = try fields.string("language") ?? "lua"
    let limits = FleetEngine.Limits(
      memory: try fields.bytes("memory"), cpu: try fields.number("cpu"), processes: try fields.integer("processes"),
      openFiles: try fields.integer("open_files"), fileSize: try fields.bytes("file_size"),
      nice: try fields.integer("nice"))
    let specification = Specification(
      kernelspec: try fields.string("kernelspec") ?? (language == "lua" ? "fleet-lua" : language), language: language,
      config: try fields.string("config"), provider: try fields.string("provider"), model: try fields.string("model"),
      name: try fields.string("name"), labels: try fields.stringsByName("labels") ?? [:],
      owner: try fields.string("owner") ?? "", pool: try fields.string("pool"), limits: limits)
    try fields.finish()
    return .admit(specification)
  }

  static func route(_ request: LuaValue) throws(ToolError) -> Self {
    var fields = try FieldReader(request, "request")
    let requirements = Requirements(
      language: try fields.string("language"), kernelspec: try fields.string("kernelspec"),
      config: try fields.string("config"), provider: try fields.string("provider"), model: try fields.string("model"),
      memory: try fields.bytes("memory"), labels: try fields.stringsByName("labels") ?? [:],
      owner: try fields.string("owner"), session: try fields.string("session"),
      source: try fields.string("source"), path: try fields.string("path"))
    try fields.finish()
    return .route(requirements)
  }

  static func scale(_ pool: LuaValue, _ rows: [KernelRow]) throws(ToolError) -> Self {
    var fields = try FieldReader(pool, "pool")
    guard let name = try fields.string("name") else {
      throw ToolError("a pool needs a name, such as pool{name = \"python\", max = 8}")
    }
    var view = PoolView(name: name)
    view.minimum = try fields.integer("min") ?? 0
    view.maximum = try fields.integer("max") ?? 10
    view.warm = try fields.integer("warm") ?? 0
    view.count(rows)
    if let kernels = try fields.integer("kernels") { view.kernels = kernels }
    if let starting = try fields.integer("starting") { view.starting = starting }
    if let used = try fields.integer("used") { view.used = used }
    if let free = try fields.integer("free") { view.free = free }
    if let draining = try fields.integer("draining") { view.draining = draining }
    view.waiting = try fields.integer("waiting") ?? 0
    view.arrivals = try fields.number("arrivals") ?? 0
    try fields.finish()
    return .scale(view)
  }

  /// - Parameter uuid: of the kernel that ended.
  static func restart(_ uuid: String, _ exit: LuaValue) throws(ToolError) -> Self {
    var fields = try FieldReader(exit, "exit")
    var info = ExitInfo(code: try fields.integer("code"), signal: try fields.integer("signal"))
    info.outOfMemory = try fields.bool("out_of_memory") ?? false
    if info.code == nil, info.signal == nil { info.code = 1 }
    let recent = try fields.integer("recent") ?? 1
    let proposal = try fields.seconds("proposal") ?? native(recent)
    let crash = Crash(
      uuid: uuid, exit: info, reason: try fields.string("reason") ?? info.reason(limits: Limits()), recent: recent,
      uptime: try fields.seconds("uptime"), proposal: proposal)
    try fields.finish()
    return .restart(crash)
  }

  /// What the host's own rule would do at so many crashes in a row.
  private static func native(_ recent: Int) -> Double? {
    let rule = Backoff()
    if recent >= rule.exits { return nil }
    return min(rule.first * (1 << max(0, recent - 1)), rule.longest).seconds
  }
}

extension PoolView {
  /// Counts the pool's kernels as the host does.
  mutating func count(_ rows: [KernelRow]) {
    for row in rows where row.pool == name {
      switch Status(rawValue: row.status) {
      case .stopping: draining += 1
      case .starting:
        kernels += 1
        starting += 1
      case .busy, .idle, .unhealthy:
        kernels += 1
        if row.clients > 0 || row.status == Status.busy.rawValue {
          used += 1
        } else if row.status == Status.idle.rawValue {
          free += 1
        }
      default: break
      }
    }
  }
}
