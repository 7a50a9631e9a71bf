// The description of the API, where clients and people look for it.
import Hummingbird
import JSON

/// Encoded once: it is long, and everybody may ask for it.
func addDescriptionRoutes(to router: Hummingbird.Router<FleetContext>, _ control: HostControl) {
  let bytes = APIDescription.document(version: control.version).encoded()
  router.get("openapi.json") { _, _ in Response(json: bytes) }
}
