// Recorded decisions as a fixture.
import FleetConfiguration

/// The files of a fixture that asks recorded decisions again: `NAME.test.toml`, and the trace that it names.
public struct RecordedFixture: Sendable, Hashable {
  public static let suffix = ".test.toml"

  public let path: String

  /// Nil if this is not the name of a fixture.
  public init?(path: String) {
    guard path.hasSuffix(Self.suffix) else { return nil }
    self.path = path
  }

  public var tracePath: String { String(path.dropLast(Self.suffix.count)) + ".trace.json" }

  public var text: String {
    """
    # Decisions as they were recorded; `fleet policy test` asks them again.
    [[golden]]
    trace = "\(FilePath.name(of: tracePath))"

    """
  }
}
