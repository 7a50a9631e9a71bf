// Both the configuration and the engine have limits; this file sees only the configuration's and gives them a name.
import FleetConfiguration

extension FleetConfiguration {
  typealias ResourceLimits = Limits
}
