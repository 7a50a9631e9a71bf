// registry.json: the registry as a document for jq and friends. Derived, replaced atomically, at most every 200 ms.
import Dispatch
import JSON
import Logging
import Synchronization

/// Writes a document that others make, some time after they said that it has changed.
final class RegistryMirror: Sendable {
  private static let delay: Duration = .milliseconds(200)

  private let path: String
  private let log: Logger
  private let isScheduled = Mutex(false)
  private let queue = DispatchQueue(label: "fleet.registry.mirror")

  init(path: String, log: Logger) {
    self.path = path
    self.log = log
  }

  /// Nothing waits for it. The document is made when it is written, because making it costs as much as writing it.
  func changed(_ document: @escaping @Sendable () async -> JSON?) {
    let mustSchedule = isScheduled.withLock { isScheduled in
      defer { isScheduled = true }
      return !isScheduled
    }
    guard mustSchedule else { return }
    Task.detached {
      // Never cancelled.
      try? await Task.sleep(for: Self.delay)
      self.isScheduled.withLock { $0 = false }
      if let document = await document() { await self.write(document) }
    }
  }

  func write(_ document: JSON) async {
    await withCheckedContinuation { continuation in
      queue.async {
        do {
          try KernelFiles.replace(self.path, with: document.encoded(pretty: true) + [UInt8(ascii: "\n")])
        } catch {
          self.log.warning("\(error); registry.json is older than the registry")
        }
        continuation.resume()
      }
    }
  }
}
