// Alerts that people know of and want to hear no more of.
import FleetCore
import FleetEngine
import Hummingbird
import JSON

func addSilenceRoutes(to router: Hummingbird.Router<FleetContext>, _ host: FleetHost) {
  router.get("silences") { _, _ in Response(document: await host.silencesDocument()) }
  router.post("silences") { request, _ in
    let silence = try await host.silence(try SilenceRequest(json: try await request.document()))
    return Response(document: ["silence": silence], status: .created)
  }
  router.delete("silences/:silence") { _, context in
    let id = context.parameters.get("silence")?.removingPercentEncoding ?? ""
    return Response(document: ["silence": try await host.endSilence(id)])
  }
}
