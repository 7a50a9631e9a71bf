// Fleets that no host has: for trying a policy and for measuring it.

import FleetEngine

/// Kernels of two languages, owners and pools, most of them alive; the same for the same number.
enum SampleFleet {
  static func rows(_ count: Int) -> [KernelRow] { (0..<count).map(row) }

  private static func row(_ index: Int) -> KernelRow {
    let isPython = index % 4 == 3
    let specification = Specification(
      kernelspec: isPython ? "python3" : "fleet-lua", language: isPython ? "python" : "lua",
      config: index % 2 == 0 ? "openai.toml" : nil, provider: index % 2 == 0 ? "openai" : nil,
      model: index % 2 == 0 ? "gpt-4o-mini" : nil, name: index == 1 ? "alice" : nil,
      labels: index % 3 == 0 ? ["team": "a"] : [:], owner: index % 3 == 0 ? "ann" : index % 3 == 1 ? "bob" : "",
      pool: isPython ? "python" : nil, limits: FleetEngine.Limits(memory: index % 2 == 0 ? 512 << 20 : nil))
    let digits = String(index + 1, radix: 16)
    let uuid = String(repeating: "0", count: max(0, 8 - digits.count)) + digits + "-0000-4000-8000-000000000000"
    guard let id = KernelID(uuid: uuid) else { preconditionFailure("\(uuid) is a UUID") }
    var kernel = Kernel(id: id, serial: index + 1, specification: specification, key: "", port: 9555 + 5 * index)
    kernel.status = [.idle, .busy, .idle, .starting, .idle, .unhealthy, .busy, .exited][index % 8]
    kernel.sessions = index % 5 == 0 ? ["session-\(index)"] : []
    var row = KernelRow(kernel)
    row.clients = index * 7 % 5
    row.connections = row.clients
    guard kernel.status == .idle || kernel.status == .busy else { return row }
    row.readyAt = Instant(nanoseconds: Int64(index) * 1_000_000_000)
    row.idleSince = kernel.status == .idle ? Instant(nanoseconds: 3_000_000_000_000) : nil
    // What was started a moment ago has not been measured.
    if index % 4 == 0 { return row }
    row.memory = Int64(index % 13 + 1) * (40 << 20)
    row.cpu = Double(index * 11 % 100)
    row.threads = 4
    row.latency = Double(index % 7) * 0.02
    return row
  }

  /// Questions to an entry point, with more and with fewer fields, and words for each.
  static func questions(_ entry: EntryPoint, _ rows: [KernelRow]) -> [(subject: PolicyQuestion.Subject, words: String)]
  {
    switch entry {
    case .route:
      let all = Requirements(
        language: "lua", config: "openai.toml", provider: "openai", memory: 1 << 20, labels: ["team": "a"],
        owner: "ann", session: "session-0")
      return [(.route(Requirements()), "an empty request"), (.route(all), "a request with an owner and a session")]
    case .admit:
      let plain = Specification(kernelspec: "fleet-lua", language: "lua", owner: "", limits: FleetEngine.Limits())
      let limited = Specification(
        kernelspec: "python3", language: "python", owner: "ann", pool: "python",
        limits: FleetEngine.Limits(memory: 1 << 30, cpu: 0.5))
      return [(.admit(plain), "a kernel of nobody's without limits"), (.admit(limited), "a kernel with limits")]
    case .scale:
      var view = PoolView(name: "python", minimum: 1, maximum: 8, warm: 2)
      view.kernels = rows.count { $0.pool == "python" && $0.status != "exited" }
      view.waiting = 1
      view.arrivals = 0.5
      return [(.scale(view), "the pool 'python'")]
    case .alert: return [(.alert, "the fleet")]
    case .restart:
      guard let row = rows.first else { return [] }
      let crash = Crash(
        uuid: row.uuid, exit: ExitInfo(code: 1), reason: "exit code 1", recent: 1, uptime: 12.5, proposal: 0.5)
      let killed = Crash(
        uuid: row.uuid, exit: ExitInfo(signal: 9), reason: "killed by signal 9", recent: 5, uptime: nil, proposal: nil)
      return [(.restart(crash), "a kernel with exit code 1"), (.restart(killed), "a kernel that never answered")]
    }
  }
}
