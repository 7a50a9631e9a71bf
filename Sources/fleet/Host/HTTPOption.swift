// `fleet up --http`.
import ArgumentParser
import FleetConfiguration

/// An address, or "" for none.
struct HTTPOption: Sendable {
  let text: String
  private let address: HTTPAddress?

  init(parsing text: String) throws(ValueError) {
    self.text = text
    address = text.isEmpty ? nil : try HTTPAddress(parsing: text)
  }

  @Sendable static func parse(_ argument: String) throws -> HTTPOption {
    do { return try HTTPOption(parsing: argument) } catch { throw ValidationError("\(error)") }
  }

  /// The command line counts more than fleet.toml.
  func apply(to host: inout FleetConfiguration.Host) {
    (host.http, host.isHTTPAsked, host.httpFile) = (address, true, nil)
  }
}
