// The HTTP API: each route calls the host and turns its answer into a document.
import FleetCore
import FleetEngine
import Foundation
import Hummingbird
import JSON

/// What the server does besides asking the host.
public struct HostControl: Sendable {
  public var version: String
  /// Loads policies again: one file, or all of them. Returns the files and what is wrong with them.
  public var reloadPolicies: @Sendable (_ path: String?) async -> [(path: String, problem: String?)]
  /// Ends the host; with `kernels`, every kernel is stopped first.
  public var shutDown: @Sendable (_ kernels: Bool) -> Void
  /// Where HTTP is served on TCP.
  public let web = WebState()
  /// Turns requests into WebSockets.
  public var webSockets: @Sendable (FleetHost) -> any WebSocketUpgrade = { ChannelsUpgrade($0) }

  public init(
    version: String, reloadPolicies: @escaping @Sendable (_ path: String?) async -> [(path: String, problem: String?)],
    shutDown: @escaping @Sendable (_ kernels: Bool) -> Void
  ) {
    self.version = version
    self.reloadPolicies = reloadPolicies
    self.shutDown = shutDown
  }
}

/// The routes of docs/architecture.md, behind the keeper of a listener.
public func makeRouter(
  _ host: FleetHost, _ control: HostControl, keeper: Gatekeeper = .local, limits: ServerLimits = ServerLimits()
) -> Hummingbird.Router<FleetContext> {
  let router = Hummingbird.Router(context: FleetContext.self, options: .autoGenerateHeadEndpoints)
  router.add(middleware: RequestMeter(meters: host.meters))
  router.add(middleware: CrossOrigin(keeper: keeper))
  router.add(middleware: ErrorDocuments())
  router.add(middleware: FormQueries())
  router.add(middleware: Gate(keeper: keeper, requests: RequestCount(most: limits.requests)))
  router.add(middleware: DescribedRequests())
  addDescriptionRoutes(to: router, control)
  addHostRoutes(to: router, host, control)
  addKernelRoutes(to: router, host)
  addLifeRoutes(to: router, host)
  addMetricsRoutes(to: router, host, control)
  addPolicyRoutes(to: router, host, control)
  addChannelRoutes(to: router, host)
  addGatewayRoutes(to: router, host, version: control.version)
  addEventRoutes(to: router, host)
  addSilenceRoutes(to: router, host)
  return router
}

private func addHostRoutes(to router: Hummingbird.Router<FleetContext>, _ host: FleetHost, _ control: HostControl) {
  router.get("health") { _, context in
    // Without a token only that it lives.
    guard context.identity.scopes.contains(.read) else {
      return Response(document: ["status": "healthy", "version": .string(control.version)])
    }
    return Response(document: await health(host, control))
  }
  router.get("status") { _, _ in
    var document = await health(host, control)
    document["policies"] = .array(host.setup.policies.summaries().map(\.json))
    document["configuration"] = .string(host.setup.configuration.described())
    return Response(document: document)
  }
  router.get("registry") { _, _ in Response(document: await host.registry) }
  router.post("cleanup") { _, _ in Response(document: try await host.cleanup()) }
  router.post("shutdown") { request, _ in
    control.shutDown(try request.flag("kernels"))
    return Response(document: ["status": "stopping"], status: .accepted)
  }
}

private func health(_ host: FleetHost, _ control: HostControl) async -> JSON {
  let counts = await host.counts()
  let web = control.web.place.withLock { $0 }
  let uptime = Double(Int64(Date().timeIntervalSince1970 * 1000) - host.startedAt) / 1000
  return [
    "status": "healthy", "version": .string(control.version), "pid": JSON(getpid()), "uptime_seconds": JSON(uptime),
    "total_kernels": JSON(counts.total), "active_kernels": JSON(counts.active), "dead_kernels": JSON(counts.dead),
    "fleet_dir": .string(host.setup.directory.path), "http": JSON(web.url), "http_problem": JSON(web.problem),
    "storage_problem": JSON(host.storageProblem), "registry_set_aside": JSON(host.registrySetAside),
  ]
}

private func addKernelRoutes(to router: Hummingbird.Router<FleetContext>, _ host: FleetHost) {
  router.get("kernels") { request, context in
    let (kernels, next) = await host.kernels(try request.kernelQuery(), as: context.viewer)
    return Response(document: ["kernels": .array(kernels), "next": JSON(next.map { "\($0)" })])
  }
  router.get("kernels/:kernel") { _, context in
    Response(document: ["kernel": try await host.kernel(try context.kernel, as: context.viewer)])
  }
  router.get("kernels/:kernel/connection") { _, context in
    Response(document: ["connection": try await host.connection(try context.kernel, as: context.viewer)])
  }
  router.get("kernels/:kernel/logs") { request, context in
    let lines = try await host.logLines(
      try context.kernel, as: context.viewer, last: try request.count("lines", default: 100, most: 10_000))
    return Response(document: ["lines": .array(lines.map(JSON.string))])
  }
  router.post("kernels/:kernel/clients") { request, context in
    let (_, client) = try await request.document(context) { body throws in
      guard let name = body["name"]?.string, let pid = body["pid"]?.int.flatMap(Int32.init(exactly:)) else {
        throw EngineError(.badRequest, "a client says {\"name\": \"…\", \"pid\": 123}")
      }
      return (name: name, pid: pid)
    }
    return Response(
      document: try await host.registerClient(
        try context.kernel, as: context.viewer, name: client.name, pid: client.pid))
  }
  router.delete("kernels/:kernel/clients/:pid") { _, context in
    guard let pid = context.parameters.get("pid", as: Int32.self), pid > 0 else {
      throw EngineError(.badRequest, "a client is named by its pid")
    }
    return Response(document: try await host.removeClient(try context.kernel, as: context.viewer, pid: pid))
  }
}

private func addLifeRoutes(to router: Hummingbird.Router<FleetContext>, _ host: FleetHost) {
  router.post("kernels") { request, context in
    let (body, asked) = try await request.document(context, SpawnRequest.init(json:))
    return try await once(request, context, host, body: body) { key in
      if let key, let kernel = try await host.kernel(startedFor: key) {
        return Made(status: .created, document: ["kernel": kernel, "taken": false])
      }
      var wanted = try await context.checked(asked, host)
      wanted.key = key
      let (kernel, isTaken) = try await host.spawnOrTake(wanted, as: context.viewer)
      return Made(status: .created, document: ["kernel": kernel, "taken": .bool(isTaken)])
    }
  }
  router.post("find") { request, context in
    let (body, asked) = try await request.document(context, SpawnRequest.init(json:))
    return try await once(request, context, host, body: body) { key in
      var wanted = try await context.checked(asked, host)
      wanted.key = key
      let (kernel, decision) = try await host.find(wanted, as: context.viewer)
      return Made(status: .ok, document: ["kernel": kernel, "decision": decision])
    }
  }
  router.delete("kernels/:kernel") { request, context in
    let kernel = try await host.stop(
      try context.kernel, as: context.viewer, force: try request.flag("force"), timeout: try request.timeout())
    return Response(document: ["kernel": kernel])
  }
  router.delete("kernels") { request, _ in
    Response(document: await host.stopAll(force: try request.flag("force"), timeout: try request.timeout()))
  }
  router.post("kernels/:kernel/restart") { _, context in
    Response(document: ["kernel": try await host.restart(try context.kernel, as: context.viewer)])
  }
  router.post("kernels/:kernel/interrupt") { _, context in
    Response(document: ["kernel": try await host.interrupt(try context.kernel, as: context.viewer)])
  }
}

extension FleetContext {
  /// The user of the control socket is the kernels' user and may set whatever a kernel can have; others only what is
  /// allowed to them.
  fileprivate func checked(_ request: SpawnRequest, _ host: FleetHost) async throws -> SpawnRequest {
    if !isControlSocket { try await host.checkEnvironment(of: request) }
    if identity.kernel != nil { try Self.checkNames(request) }
    return request
  }

  /// The host reads configs with its own rights, which a kernel with a user of its own has not.
  private static func checkNames(_ request: SpawnRequest) throws(EngineError) {
    for name in [request.config, request.provider] where name?.contains("/") == true {
      throw EngineError(.forbidden, "a kernel names configs by their names, such as openai, not by paths")
    }
  }
}
