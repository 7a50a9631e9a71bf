// Which kernel and session a client wants to connect to: `/api/kernels/<uuid>/channels?session_id=S`.
import FleetEngine

struct ChannelsTarget: Hashable {
  /// A UUID.
  var kernel: String
  /// Nil if the client names none: then it will not come back.
  var session: String?

  private static let longestSession = 200

  /// Nil if it is another target.
  init?(uri: String) {
    let parts = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let path = parts[0].split(separator: "/", omittingEmptySubsequences: false)
    guard path.count == 5, path[0].isEmpty, path[1] == "api", path[2] == "kernels", path[4] == "channels",
      let id = KernelID(uuid: String(path[3]))
    else { return nil }
    kernel = id.uuid
    guard parts.count == 2 else { return }
    for pair in parts[1].split(separator: "&") {
      let member = pair.split(separator: "=", maxSplits: 1)
      guard member.count == 2, member[0] == "session_id", let value = Self.decoded(member[1]) else { continue }
      if !value.isEmpty, value.utf8.count <= Self.longestSession { session = value }
    }
  }

  /// Nil if it is not percent-encoded UTF-8.
  private static func decoded(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "%"):
        guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
          return nil
        }
        bytes.append(value)
        rest = rest.dropFirst(2)
      case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
      default: bytes.append(byte)
      }
    }
    return String(validating: bytes, as: UTF8.self)
  }
}
