// The file that maps tokens to owners.
import FleetConfiguration

/// ```toml
/// [tokens.alice]
/// token = "…"                      # or sha256 = "…", 64 hexadecimal digits
/// owner = "alice"                  # else the table's name; "*" sees everybody's kernels
/// scopes = ["read", "execute"]     # these, unless told; "manage" sees and touches everybody's
/// ```
public enum TokenFile {
  /// Whether a host would start with this file.
  /// - Returns: how many tokens it has.
  /// - Throws: what is wrong with it.
  public static func check(_ path: String) throws(ConfigurationError) -> Int { try load(path).count }

  static func load(_ path: String) throws(ConfigurationError) -> [TokenEntry] {
    guard let text = try PrivateFile.read(path) else {
      throw ConfigurationError(.notFound, "there is no such file", file: path)
    }
    return try parse(text, file: path)
  }

  static func parse(_ text: String, file: String) throws(ConfigurationError) -> [TokenEntry] {
    var top = try TableReader(text: text, file: file)
    var entries: [TokenEntry] = []
    if var tokens = try top.table("tokens") {
      for name in tokens.names {
        guard var table = try tokens.table(name) else { continue }
        let entry = try entry(name, &table)
        if let twin = entries.first(where: { $0.digest == entry.digest }) {
          throw tokens.badValue(name, "has the same token as \"\(twin.identity.name)\"; give each its own")
        }
        entries.append(entry)
      }
      try tokens.finish()
    }
    try top.finish()
    return entries
  }

  private static func entry(_ name: String, _ table: inout TableReader) throws(ConfigurationError) -> TokenEntry {
    let digest: [UInt8]
    let token = try table.string("token")
    switch (token, try table.string("sha256")) {
    case (let token?, nil):
      guard token.utf8.count >= 16, token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
        throw table.badValue("token", "must be at least 16 characters of ASCII without spaces")
      }
      digest = TokenEntry.digest(of: token)
    case (nil, let hexadecimal?): digest = try bytes(hexadecimal, table)
    case (nil, nil): throw table.missing("token", "write token = \"…\", or sha256 = \"…\"")
    case (_?, _?): throw table.badValue("sha256", "stands beside token; write one of them")
    }
    let owner = try table.string("owner") ?? name
    guard owner.utf8.count <= 256, !owner.isEmpty, !owner.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
      throw table.badValue("owner", "must have 1 to 256 bytes and no control characters")
    }
    var scopes: Set<Scope> = []
    for word in try table.strings("scopes") ?? ["read", "execute"] {
      guard let scope = Scope(rawValue: word) else {
        throw table.badValue("scopes", "\"\(word)\" is none of read, execute, manage")
      }
      scopes.insert(scope)
    }
    try table.finish()
    return TokenEntry(identity: Identity(name: name, owner: owner == "*" ? "" : owner, scopes: scopes), digest: digest)
  }

  private static func bytes(_ hexadecimal: String, _ table: TableReader) throws(ConfigurationError) -> [UInt8] {
    let digits = hexadecimal.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue.map(UInt8.init) }
    guard digits.count == 64, hexadecimal.utf8.count == 64 else {
      throw table.badValue("sha256", "must have 64 hexadecimal digits: printf %s TOKEN | sha256sum")
    }
    return stride(from: 0, to: 64, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }
}
