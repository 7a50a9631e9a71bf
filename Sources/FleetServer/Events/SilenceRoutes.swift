// Alerts that people know of and want to hear no more of.
import FleetCore
import FleetEngine
import Hummingbird
import JSON

func addSilenceRoutes(to router: Hummingbird.Router<FleetContext>, _ host: FleetHost) {
  router.get("silences") { _, _ in Response(document: await host.silencesDocument()) }
  router.post("silences") { request, context in
    let (_, wanted) = try await request.document(context, SilenceRequest.init(json:))
    return Response(document: ["silence": try await host.silence(wanted)], status: .created)
  }
  router.delete("silences/:silence") { _, context in
    let id = context.parameters.get("silence")?.removingPercentEncoding ?? ""
    return Response(document: ["silence": try await host.endSilence(id)])
  }
}
