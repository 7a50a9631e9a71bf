// The log of a host that runs in the background: its standard error, which goes to fleet.log and is rotated like the logs
// of kernels. A host in the foreground leaves its standard error to whoever gave it.
import FleetConfiguration
import Glibc
import Logging
import Synchronization

public final class HostLogFile: Sendable {
  private let path: String
  private let maximumSize: Int64
  private let keep: Int
  private let messages = Mutex(0)
  /// Looking at the size costs a call of the system.
  private static let lookEvery = 64

  public init(path: String, settings: FleetConfiguration.Logs) {
    self.path = path
    maximumSize = settings.maximumSize.bytes
    keep = settings.keep
  }

  /// To be called after each message.
  func wrote() {
    messages.withLock { messages in
      messages += 1
      // Under the lock: two threads must not rotate at once.
      if messages % Self.lookEvery == 0 { rotateIfLarge() }
    }
  }

  private func rotateIfLarge() {
    var open = stat()
    var named = stat()
    guard fstat(STDERR_FILENO, &open) == 0, Int64(open.st_size) >= maximumSize, stat(path, &named) == 0,
      open.st_ino == named.st_ino, open.st_dev == named.st_dev
    else { return }
    for number in stride(from: keep, to: 1, by: -1) { rename("\(path).\(number - 1)", "\(path).\(number)") }
    if keep > 0 { rename(path, "\(path).1") } else { unlink(path) }
    let fresh = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
    // Without a new file the old one goes on under its new name.
    guard fresh >= 0 else { return }
    defer { close(fresh) }
    for descriptor in [STDOUT_FILENO, STDERR_FILENO] { dup2(fresh, descriptor) }
  }
}

/// Writes messages as another handler does, and sees to the size of the file.
public struct HostLogHandler: LogHandler {
  private var base: any LogHandler
  private let file: HostLogFile

  public init(_ base: any LogHandler, _ file: HostLogFile) {
    self.base = base
    self.file = file
  }

  public func log(event: LogEvent) {
    base.log(event: event)
    file.wrote()
  }

  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { base[metadataKey: key] }
    set { base[metadataKey: key] = newValue }
  }

  public var metadata: Logger.Metadata {
    get { base.metadata }
    set { base.metadata = newValue }
  }

  public var logLevel: Logger.Level {
    get { base.logLevel }
    set { base.logLevel = newValue }
  }
}
