// The description of the API, where clients and people look for it.
import Hummingbird
import JSON

func addDescriptionRoutes(to router: Hummingbird.Router<FleetContext>, _ control: HostControl) {
  let document = APIDescription.document(version: control.version)
  router.get("openapi.json") { _, _ in Response(document: document) }
}
