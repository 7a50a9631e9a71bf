// registry.json: the registry as a document for jq and friends. Derived, replaced atomically, at most every 200 ms.
import Dispatch
import JSON
import Logging
import Synchronization

final class RegistryMirror: Sendable {
  private struct State {
    var latest: JSON?
    var isScheduled = false
  }

  private let path: String
  private let log: Logger
  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "fleet.registry.mirror")

  init(path: String, log: Logger) {
    self.path = path
    self.log = log
  }

  /// Nothing waits for it.
  func update(_ document: JSON) {
    let mustSchedule = state.withLock { state in
      state.latest = document
      defer { state.isScheduled = true }
      return !state.isScheduled
    }
    if mustSchedule { queue.asyncAfter(deadline: .now() + .milliseconds(200)) { self.write() } }
  }

  func flush() async {
    await withCheckedContinuation { continuation in
      queue.async {
        self.write()
        continuation.resume()
      }
    }
  }

  private func write() {
    let document = state.withLock { state in
      state.isScheduled = false
      defer { state.latest = nil }
      return state.latest
    }
    guard let document else { return }
    do {
      try KernelFiles.replace(path, with: document.encoded(pretty: true) + [UInt8(ascii: "\n")])
    } catch {
      log.warning("\(error); registry.json is older than the registry")
    }
  }
}
