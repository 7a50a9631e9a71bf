// One POST of JSON, by libcurl: it knows TLS and the machine's certificates, and is loaded only when there is something to
// tell, so that a host without alerts does not carry it.
import CCurl
import FleetEngine
import Glibc

struct HTTPPost: Sendable {
  let url: String

  /// Blocks until the receiver has answered.
  func send(_ body: [UInt8], within limit: Duration) throws(DeliveryFailure) {
    var reason: UnsafePointer<CChar>?
    guard let session = ccurl_session_create(&reason) else {
      throw DeliveryFailure(reason: reason.map { String(cString: $0) } ?? "libcurl cannot be used", mayPass: false)
    }
    defer { ccurl_session_destroy(session) }
    let headers: [UnsafeMutablePointer<CChar>?] = [
      strdup("Content-Type: application/json"), strdup("User-Agent: fleet"),
    ]
    defer { headers.forEach { free($0) } }
    let lines: [UnsafePointer<CChar>?] = headers.map { UnsafePointer($0) } + [nil]
    // All pointers live until the transfer is released.
    let failure = url.withCString { url in
      body.withUnsafeBufferPointer { body in
        lines.withUnsafeBufferPointer { lines in
          Self.exchange(session, url, lines, body, limit)
        }
      }
    }
    if let failure { throw failure }
  }

  private static func exchange(
    _ session: OpaquePointer, _ url: UnsafePointer<CChar>, _ lines: UnsafeBufferPointer<UnsafePointer<CChar>?>,
    _ body: UnsafeBufferPointer<UInt8>, _ limit: Duration
  ) -> DeliveryFailure? {
    guard let headers = lines.baseAddress, let start = body.baseAddress else {
      return DeliveryFailure(reason: "there is nothing to send", mayPass: false)
    }
    let transfer = headers.withMemoryRebound(to: UnsafePointer<CChar>.self, capacity: lines.count) { headers in
      var request = ccurl_request(
        url: url, headers: headers, body: start, body_count: body.count,
        connect_timeout_ms: Int(limit.nanoseconds / 1_000_000), largest_answer: 1 << 20)
      return ccurl_begin(session, &request)
    }
    guard let transfer else { return DeliveryFailure(reason: "there is no memory for a request") }
    defer { ccurl_release(transfer) }
    let end = ContinuousClock.now + limit
    while true {
      let left = end - .now
      if left <= .zero { return DeliveryFailure(reason: "no answer within \(limit.seconds) s") }
      switch ccurl_step(transfer, -1, Int32(clamping: left.nanoseconds / 1_000_000 + 1)) {
      case CCURL_DATA:
        var count = 0
        _ = ccurl_take(transfer, &count)
      case CCURL_DONE: return verdict(ccurl_status(transfer))
      case CCURL_FAILED: return DeliveryFailure(reason: String(cString: ccurl_failure_text(transfer)))
      default: break
      }
    }
  }

  private static func verdict(_ status: Int) -> DeliveryFailure? {
    if (200..<300).contains(status) { return nil }
    // Another attempt changes nothing about what the receiver calls our mistake.
    return DeliveryFailure(reason: "it answered with status \(status)", mayPass: status >= 500 || status == 429)
  }
}
