// stop_on_error: after a failure, what the same client had already sent is not executed.
import JupyterProtocol

/// The requests that wait behind one that failed, and the failures of each client.
///
/// A request belongs to those that were sent before its client could know of the failure if it has arrived by then, or
/// if its date says so: it may still be on its way. Other clients of the kernel did not depend on what failed.
struct FailureQueue {
  private var pending: [(request: JupyterMessage, source: Int32)] = []
  /// The ids of requests that have arrived and shall be aborted.
  private var doomed: Set<String> = []
  /// When the last request of a session failed.
  private var failed: [String: String] = [:]

  /// As many sessions as are remembered; more are forgotten all at once.
  private static let capacity = 64

  /// Takes all requests that have arrived from the server, so that they are served later.
  mutating func note(_ failure: JupyterMessage, _ server: KernelServer) throws(ZMQError) {
    let session = failure.header.session
    while case .request(let request, let source) = try server.receive(until: .now) {
      pending.append((request, source))
    }
    for (request, _) in pending where request.header.session == session { doomed.insert(request.header.id) }
    if failed.count >= FailureQueue.capacity { failed = [:] }
    failed[session] = Timestamp.now()
  }

  /// The next request that was taken from the server.
  mutating func next() -> (request: JupyterMessage, source: Int32)? { pending.isEmpty ? nil : pending.removeFirst() }

  /// Whether a request is not to be executed, because one before it failed.
  mutating func aborts(_ request: JupyterMessage) -> Bool {
    if doomed.remove(request.header.id) != nil { return true }
    guard let failed = failed[request.header.session], let sent = FailureQueue.comparable(request.header.date) else {
      return false
    }
    return sent <= failed
  }

  /// A date in UTC in the form of `Timestamp`, whose texts are ordered as the times are; nil for other forms.
  private static func comparable(_ date: String) -> String? {
    guard date.utf8.count >= 27, date.hasSuffix("Z") || date.hasSuffix("+00:00") else { return nil }
    return String(decoding: date.utf8.prefix(26), as: UTF8.self) + "Z"
  }
}
