// Tokens and whose they are: the host's own, and those of the file that `[host] tokens` names.
import Crypto
import FleetConfiguration
import Glibc
import Logging
import Synchronization

/// Finds the identity of a token in a time that does not depend on the token. The file is read again when it has changed;
/// one that cannot be read leaves the last good table in force and is told in the log.
public final class TokenTable: Sendable {
  private struct State {
    var entries: [TokenEntry] = []
    var version = FileVersion()
    var lookedAt: ContinuousClock.Instant?
  }

  /// The file is looked at at most this often.
  private static let freshness: Duration = .seconds(1)

  private let path: String?
  private let own: TokenEntry
  private let log: Logger
  private let state: Mutex<State>

  /// - Parameters:
  ///   - own: the host's own token.
  ///   - path: of the tokens file; nil if there is none.
  /// - Throws: what is wrong with the file: a host does not start with tokens that it cannot read.
  public init(own token: String, path: String?, log: Logger) throws(ConfigurationError) {
    self.path = path
    self.log = log
    own = TokenEntry(identity: .host, digest: TokenEntry.digest(of: token))
    var state = State()
    if let path {
      state.version = FileVersion(path: path)
      state.entries = try TokenFile.load(path)
    }
    self.state = Mutex(state)
  }

  /// nil for a token that nobody has.
  public func identity(of token: String) -> Identity? {
    let digest = TokenEntry.digest(of: token)
    var found: Identity?
    // All of them are compared, so that the time tells nothing.
    for entry in [own] + current where TokenEntry.equal(entry.digest, digest) { found = entry.identity }
    return found
  }

  private var current: [TokenEntry] {
    guard let path else { return [] }
    return state.withLock { state in
      let now = ContinuousClock.now
      if let last = state.lookedAt, now - last < Self.freshness { return state.entries }
      state.lookedAt = now
      let version = FileVersion(path: path)
      guard version != state.version else { return state.entries }
      state.version = version
      do throws(ConfigurationError) {
        state.entries = try TokenFile.load(path)
        log.info("read \(state.entries.count) tokens from \(path)")
      } catch {
        log.error("the tokens as they were stay in force: \(error)")
      }
      return state.entries
    }
  }
}

/// A token as it is kept: only its digest.
struct TokenEntry: Sendable {
  var identity: Identity
  /// SHA-256 of the token, 32 bytes.
  var digest: [UInt8]

  static func digest(of token: String) -> [UInt8] { Array(SHA256.hash(data: Array(token.utf8))) }

  static func equal(_ first: [UInt8], _ second: [UInt8]) -> Bool {
    guard first.count == second.count else { return false }
    return zip(first, second).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
  }
}

/// What tells one state of a file from another.
struct FileVersion: Sendable, Hashable {
  private var inode: UInt64 = 0
  private var size: Int64 = -1
  private var seconds = 0
  private var nanoseconds = 0
  /// Of the status: chmod and chown change nothing else.
  private var changedSeconds = 0
  private var changedNanoseconds = 0

  init() {}

  init(path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return }
    inode = UInt64(status.st_ino)
    size = Int64(status.st_size)
    seconds = status.st_mtim.tv_sec
    nanoseconds = status.st_mtim.tv_nsec
    changedSeconds = status.st_ctim.tv_sec
    changedNanoseconds = status.st_ctim.tv_nsec
  }
}
