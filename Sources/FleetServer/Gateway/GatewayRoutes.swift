// The Jupyter gateway, as Jupyter Server, JupyterLab and VS Code speak to it: each route calls the host and turns its
// answer into a document in Jupyter's shape. WebSockets of kernels are upgraded before any route.
import FleetCore
import FleetEngine
import Hummingbird
import JSON

func addGatewayRoutes(to router: Hummingbird.Router<FleetContext>, _ host: FleetHost, version: String) {
  router.get("api") { _, _ in Response(document: ["version": .string(version)]) }
  router.get("api/status") { _, context in Response(document: await host.jupyterStatus(as: context.viewer)) }
  router.get("api/me") { _, context in Response(document: identityDocument(context.identity)) }
  addKernelspecRoutes(to: router, host)
  addJupyterKernelRoutes(to: router, host)
  addSessionRoutes(to: router, host)
  for path in ["", "tree"] { router.get(RouterPath(path)) { _, _ in welcome } }
}

private func addKernelspecRoutes(to router: Hummingbird.Router<FleetContext>, _ host: FleetHost) {
  router.get("api/kernelspecs") { _, _ in Response(document: await host.jupyterKernelspecs()) }
  router.get("api/kernelspecs/:name") { _, context in
    Response(document: try await host.jupyterKernelspec(try context.plain("name")))
  }
  router.get("kernelspecs/:name/**") { _, context in
    let rest = context.parameters.getCatchAll().map { $0.removingPercentEncoding ?? "" }
    return Response(try await host.jupyterResource(try context.plain("name"), rest.joined(separator: "/")))
  }
}

private func addJupyterKernelRoutes(to router: Hummingbird.Router<FleetContext>, _ host: FleetHost) {
  router.get("api/kernels") { _, context in Response(json: await host.jupyterKernels(as: context.viewer)) }
  router.post("api/kernels") { request, context in
    let (body, asked) = try await request.document(context, JupyterStart.init(json:))
    return try await once(request, context, host, body: body) { key in
      var wanted = asked
      wanted.key = key
      var model: JSON?
      if let key { model = try await host.jupyterKernel(startedFor: key) }
      if model == nil { model = try await host.jupyterStart(wanted, as: context.viewer) }
      return Made(status: .created, document: model ?? .null, location: "/api/kernels/\(model?["id"]?.string ?? "")")
    }
  }
  router.get("api/kernels/:kernel") { _, context in
    Response(document: try await host.jupyterKernel(try context.plain("kernel"), as: context.viewer))
  }
  router.delete("api/kernels/:kernel") { _, context in
    try await host.jupyterStop(try context.plain("kernel"), as: context.viewer)
    return Response(status: .noContent)
  }
  router.post("api/kernels/:kernel/interrupt") { _, context in
    try await host.jupyterInterrupt(try context.plain("kernel"), as: context.viewer)
    return Response(status: .noContent)
  }
  router.post("api/kernels/:kernel/restart") { _, context in
    Response(document: try await host.jupyterRestart(try context.plain("kernel"), as: context.viewer))
  }
}

private func addSessionRoutes(to router: Hummingbird.Router<FleetContext>, _ host: FleetHost) {
  router.get("api/sessions") { _, context in Response(document: await host.jupyterSessions(as: context.viewer)) }
  router.post("api/sessions") { request, context in
    let (_, wanted) = try await request.document(context, SessionRequest.init(json:))
    return Response(created: try await host.jupyterMakeSession(wanted, as: context.viewer), at: "/api/sessions/")
  }
  router.get("api/sessions/:session") { _, context in
    Response(document: try await host.jupyterSession(try context.plain("session"), as: context.viewer))
  }
  router.patch("api/sessions/:session") { request, context in
    let (_, wanted) = try await request.document(context, SessionRequest.init(json:))
    let session = try context.plain("session")
    return Response(document: try await host.jupyterChangeSession(session, wanted, as: context.viewer))
  }
  router.delete("api/sessions/:session") { _, context in
    try await host.jupyterEndSession(try context.plain("session"), as: context.viewer)
    return Response(status: .noContent)
  }
}

/// Who asks, as Jupyter Server's `/api/me` says it.
private func identityDocument(_ identity: Identity) -> JSON {
  let name = identity.owner.isEmpty ? "anonymous" : identity.owner
  return [
    "identity": [
      "username": .string(name), "name": .string(name), "display_name": .string(name),
      "initials": .string(String(name.prefix(1)).uppercased()), "avatar_url": nil, "color": nil,
    ],
    "permissions": [:],
  ]
}

/// For people who type the address, and for clients that look whether a password is asked for: it is not.
private var welcome: Response {
  let page = """
    <!doctype html>
    <html lang="en">
    <title>Fleet</title>
    <h1>Fleet</h1>
    <p>This host runs Jupyter kernels. It has no pages: open it from a client.</p>
    <pre>jupyter lab --gateway-url=http://THIS-ADDRESS --GatewayClient.auth_token=TOKEN</pre>
    <p><code>fleet status --show-token</code> shows the token; <code>/openapi.json</code> describes the calls.</p>
    </html>

    """
  return Response(
    status: .ok,
    headers: [
      .contentType: "text/html; charset=utf-8", .xContentTypeOptions: "nosniff",
      .contentSecurityPolicy: "default-src 'none'; frame-ancestors 'none'",
    ],
    body: ResponseBody(byteBuffer: ByteBuffer(string: page)))
}
