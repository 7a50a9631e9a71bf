// The native rule of the router: what is done without a policy, or when it fails.

public enum Router {
  /// The kernel with the fewest clients of those that serve the request, the oldest among equals; else a new one.
  public static func decide(_ requirements: Requirements, rows: some Sequence<KernelRow>) -> (RouteAnswer, String) {
    var wanted = requirements
    wanted.config = wanted.config.map(Requirements.fileName)
    var best: KernelRow?
    for row in rows where wanted.accepts(row) {
      if let session = requirements.session, row.sessions.contains(session) {
        return (.use(row.uuid), "the kernel of session '\(session)'")
      }
      let isBetter = best.map { (row.clients, row.serial) < ($0.clients, $0.serial) } ?? true
      if isBetter { best = row }
    }
    if let best { return (.use(best.uuid), "fewest clients of those that match") }
    return (.spawn(config: requirements.config, language: requirements.language), "no kernel matches yet")
  }
}
