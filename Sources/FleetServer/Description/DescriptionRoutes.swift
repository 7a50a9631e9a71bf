// The description of the API, where clients and people look for it.
import Hummingbird
import JSON

func addDescriptionRoutes(to router: Hummingbird.Router<FleetContext>, _ control: HostControl) {
  // Written once: it is large, and everybody may ask for it.
  let bytes = ByteBuffer(bytes: APIDescription.document(version: control.version).encoded())
  router.get("openapi.json") { _, _ in
    Response(
      status: .ok, headers: [.contentType: "application/json; charset=utf-8"], body: ResponseBody(byteBuffer: bytes))
  }
}
