// `fleet up --http`.
import ArgumentParser
import FleetConfiguration

/// An address, or "" for none.
struct HTTPOption: ExpressibleByArgument, Sendable {
  let text: String
  private let address: HTTPAddress?

  init?(argument: String) {
    text = argument
    if argument.isEmpty {
      address = nil
    } else {
      // The parser of arguments tells of what it cannot read.
      guard let address = try? HTTPAddress(parsing: argument) else { return nil }
      self.address = address
    }
  }

  /// The command line counts more than fleet.toml.
  func apply(to host: inout FleetConfiguration.Host) {
    (host.http, host.isHTTPAsked, host.httpFile) = (address, true, nil)
  }
}
