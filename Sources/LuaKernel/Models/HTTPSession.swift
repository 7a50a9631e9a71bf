// HTTP through libcurl, which is loaded when a script first asks a model.
import CCurl
import Glibc
import JupyterProtocol

/// Keeps connections for later requests. Confined to the Lua thread.
final class HTTPSession {
  fileprivate let handle: OpaquePointer

  init() throws(ModelError) {
    var reason: UnsafePointer<CChar>?
    guard let handle = ccurl_session_create(&reason) else {
      throw ModelError(reason.map { String(cString: $0) } ?? "libcurl cannot be used")
    }
    self.handle = handle
  }

  deinit { ccurl_session_destroy(handle) }
}

/// A POST and its answer, read as it comes.
final class HTTPTransfer {
  struct Failure: Error {
    let kind: ccurl_failure_kind
    let text: String
  }

  private let session: HTTPSession
  private let handle: OpaquePointer
  private let body: UnsafeMutableBufferPointer<UInt8>

  /// - Parameters:
  ///   - headers: lines; they hold the key.
  ///   - largest: bytes of the answer that are taken at most.
  /// - Throws: only when there is no memory.
  init(
    _ session: HTTPSession, url: String, headers: [String], body: [UInt8], connect: Duration, largest: Int
  ) throws(ModelError) {
    self.session = session
    // libcurl reads from it until the end.
    let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(1, body.count))
    _ = copy.initialize(from: body)
    self.body = copy
    let lines = headers.map { strdup($0) }
    defer { for line in lines { free(line) } }
    let pointers = lines.map { UnsafePointer($0) } + [nil]
    guard let start = UnsafePointer(copy.baseAddress) else { throw ModelError("there is no memory for a request") }
    let handle = url.withCString { url in
      pointers.withUnsafeBufferPointer { pointers -> OpaquePointer? in
        pointers.baseAddress?.withMemoryRebound(to: UnsafePointer<CChar>.self, capacity: pointers.count) { headers in
          var request = ccurl_request(
            url: url, headers: headers, body: start, body_count: body.count,
            connect_timeout_ms: Int(connect.milliseconds), largest_answer: largest)
          return ccurl_begin(session.handle, &request)
        }
      }
    }
    guard let handle else {
      copy.deallocate()
      throw ModelError("there is no memory for a request")
    }
    self.handle = handle
  }

  deinit {
    ccurl_release(handle)
    body.deallocate()
  }

  enum Event {
    /// Nothing has come in time, or somebody woke us.
    case nothing
    /// Bytes, valid until the next wait of any transfer.
    case bytes(UnsafeRawBufferPointer)
    case end
  }

  /// Waits for more of the answer.
  /// - Parameter waking: a descriptor that ends the wait when it is readable.
  func wait(until deadline: MonotonicTime, waking: Int32) throws(Failure) -> Event {
    switch ccurl_step(handle, waking, Int32(deadline.millisecondsFromNow)) {
    case CCURL_DATA:
      var count = 0
      let start = ccurl_take(handle, &count)
      return .bytes(UnsafeRawBufferPointer(start: start, count: count))
    case CCURL_DONE: return .end
    case CCURL_FAILED:
      throw Failure(kind: ccurl_failure(handle), text: String(cString: ccurl_failure_text(handle)))
    default: return .nothing
    }
  }

  /// Of the answer; 0 as long as there is none.
  var status: Int { ccurl_status(handle) }
  /// Seconds; 0 if the server does not say.
  var retryAfter: Int64 { ccurl_retry_after(handle) }
}

extension Duration {
  /// Rounded up.
  var milliseconds: Int64 {
    components.seconds * 1000 + (components.attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
  }
}

extension MonotonicTime {
  /// Rounded up; at least 0 and no more than an hour.
  var millisecondsFromNow: Int64 {
    let left = nanoseconds - MonotonicTime.now.nanoseconds
    return left <= 0 ? 0 : min((left + 999_999) / 1_000_000, 3_600_000)
  }
}
