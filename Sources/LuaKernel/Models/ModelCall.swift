// One question to a model: sends it, tries again while nothing has been answered, and reads the answer as it comes.
import CCurl
import Glibc
import JSON
import JupyterProtocol

/// Confined to the Lua thread.
final class ModelCall {
  /// What a wait gave.
  enum Event {
    case text(String)
    case reply(ModelReply)
  }

  private let service: ModelService
  private let request: ModelRequest
  private let http: HTTPSession
  /// Readable once the execution is to be stopped.
  private let interruption: Int32
  private let body: [UInt8]
  private let headers: [String]
  private var redaction: Redaction
  private let deadline: MonotonicTime
  private var retries = 0
  private var attempt: Attempt?
  /// Once a script has seen a part of an answer, another answer must not follow it.
  private var hasBegun = false
  /// The answer of a server that cannot stream, once its text has been given as the only piece.
  private var whole: ModelReply?

  /// The answer to one attempt.
  private struct Attempt {
    let transfer: HTTPTransfer
    var answer: any ModelAnswer
    var stream = EventStream()
    /// What is no stream: an error, or the answer of a server that does not stream.
    var body: [UInt8] = []
    var isStream: Bool?
    var idle: MonotonicTime
    /// What went wrong right behind a text that the script gets first.
    var failure: ModelError?
  }

  init(
    _ request: ModelRequest, to service: ModelService, http: HTTPSession, interruption: Int32
  ) throws(ModelError) {
    let key = try service.key()
    self.service = service
    self.request = request
    self.http = http
    self.interruption = interruption
    redaction = Redaction(key)
    headers = service.headers(key: key)
    body =
      switch service.api {
      case .openAI: OpenAIRequest.document(request, for: service).encoded()
      case .anthropic: AnthropicRequest.document(request).encoded()
      }
    deadline = .after(request.limits.total)
  }

  /// Waits for the next piece of the answer; after the reply nothing follows.
  func next() throws(ModelError) -> Event {
    if let whole { return .reply(whole) }
    while true {
      do throws(ModelError) {
        return try step()
      } catch {
        attempt = nil
        _ = redaction.finish()
        guard error.mayPass, !hasBegun, retries < request.limits.retries else { throw said(error) }
        try pause(after: error)
        retries += 1
      }
    }
  }

  private func said(_ error: ModelError) -> ModelError {
    var error = error
    let tries = retries > 0 ? "; tried \(retries + 1) times" : ""
    error.description = redaction.covering(error.description) + tries
    return error
  }

  /// Waits before the next attempt, as long as the server says or twice as long as the last time, give or take.
  private func pause(after error: ModelError) throws(ModelError) {
    let jitter = Double.random(in: 0.75...1.25)
    var wait = request.limits.backoff * Double(1 << min(retries, 10)) * jitter
    if error.retryAfter > 0 { wait = .seconds(error.retryAfter) }
    guard wait <= ModelRequest.Limits.longestWait, .after(wait) < deadline else {
      var error = said(error)
      error.description += error.retryAfter > 0 ? "; it wants to be asked again in \(error.retryAfter) s" : ""
      throw error
    }
    let end = MonotonicTime.after(wait)
    while !end.isOver {
      var waking = pollfd(fd: interruption, events: Int16(POLLIN), revents: 0)
      if poll(&waking, 1, Int32(end.millisecondsFromNow)) > 0 { throw ModelError("interrupted") }
    }
  }

  // MARK: An attempt

  private func step() throws(ModelError) -> Event {
    var current = try currentAttempt()
    attempt = nil  // so that what has come so far is appended to, not copied
    defer { attempt = current }
    while true {
      if let failure = current.failure { throw failure }
      let event: HTTPTransfer.Event
      do throws(HTTPTransfer.Failure) {
        event = try current.transfer.wait(until: min(current.idle, deadline), waking: interruption)
      } catch {
        throw failure(error, current)
      }
      switch event {
      case .nothing: try checkTime(current)
      case .bytes(let bytes):
        current.idle = .after(request.limits.idle)
        let text = take(bytes, &current)
        if !text.isEmpty { return .text(text) }
      case .end:
        // Text that was held back comes before the reply.
        let rest = redaction.finish()
        if !rest.isEmpty && request.streams { return .text(rest) }
        let reply = try reply(current)
        guard request.streams, current.isStream != true, !reply.text.isEmpty else { return .reply(reply) }
        whole = reply
        return .text(reply.text)
      }
    }
  }

  private func currentAttempt() throws(ModelError) -> Attempt {
    if let attempt { return attempt }
    let answer: any ModelAnswer =
      switch service.api {
      case .openAI: OpenAIAnswer(service: service)
      case .anthropic: AnthropicAnswer(service: service, format: request.format)
      }
    let transfer = try HTTPTransfer(
      http, url: service.url, headers: headers, body: body, connect: request.limits.connect,
      largest: ModelRequest.Limits.largestAnswer)
    return Attempt(transfer: transfer, answer: answer, idle: .after(request.limits.idle))
  }

  private func checkTime(_ current: Attempt) throws(ModelError) {
    var waking = pollfd(fd: interruption, events: Int16(POLLIN), revents: 0)
    if poll(&waking, 1, 0) > 0 { throw ModelError("interrupted") }
    if deadline.isOver {
      throw ModelError("\(service.place) was not done after \(request.limits.total.inSeconds) s (timeout)")
    }
    if current.idle.isOver {
      throw ModelError("\(service.place) sent nothing for \(request.limits.idle.inSeconds) s (idle_timeout)")
    }
  }

  /// - Returns: text for the script.
  private func take(_ bytes: UnsafeRawBufferPointer, _ current: inout Attempt) -> String {
    if current.isStream == nil {
      // A server that cannot stream answers with a document.
      let first = bytes.first { !($0 == 32 || (9...13).contains($0)) }
      if let first {
        current.isStream = request.streams && current.transfer.status == 200 && first != UInt8(ascii: "{")
      }
    }
    guard current.isStream == true else {
      current.body += bytes
      return ""
    }
    var text = ""
    do throws(ModelError) {
      for event in current.stream.take(bytes) { text += try current.answer.take(event: event) }
    } catch {
      current.failure = error
    }
    text = redaction.take(text)
    if !text.isEmpty { hasBegun = true }
    return text
  }

  private func reply(_ current: Attempt) throws(ModelError) -> ModelReply {
    var current = current
    let status = current.transfer.status
    guard status == 200 else {
      // Covered before it is shortened: half a key is no longer found.
      let text = redaction.covering(String(decoding: current.body.prefix(64 << 10), as: UTF8.self))
      throw ModelError(
        status: status, body: text, retryAfter: current.transfer.retryAfter, of: service, model: request.model)
    }
    if current.isStream != true {
      let document: JSON
      do { document = try JSON(parsing: current.body) } catch {
        let text = redaction.covering(String(decoding: current.body.prefix(64 << 10), as: UTF8.self))
        throw ModelError("\(service.place) sent an answer that is no JSON: \(ModelError.beginning(of: text))")
      }
      try current.answer.take(answer: document)
    }
    guard current.answer.isComplete else { throw brokenOff(current) }
    var reply = current.answer.reply
    reply.cover(redaction)
    if case .json(let schema) = request.format, reply.calls.isEmpty { try reply.readDocument(schema: schema) }
    return reply
  }

  private func brokenOff(_ current: Attempt, _ detail: String = "") -> ModelError {
    let count = current.answer.reply.text.count
    let place = count > 0 ? "after \(count) characters" : "before it began"
    return ModelError("the answer of \(service.place) broke off \(place)\(detail)", mayPass: true)
  }

  private func failure(_ failure: HTTPTransfer.Failure, _ current: Attempt) -> ModelError {
    switch failure.kind {
    case CCURL_NO_CONNECTION:
      ModelError("\(service.place) cannot be reached: \(failure.text)", mayPass: true)
    case CCURL_BROKEN: brokenOff(current, ": \(failure.text)")
    case CCURL_TLS: ModelError("there is no safe connection to \(service.place): \(failure.text)")
    case CCURL_TOO_LARGE:
      ModelError(
        "the answer of \(service.place) is larger than \(ModelRequest.Limits.largestAnswer >> 20) MiB and was given up")
    default: ModelError("\(service.place) cannot be asked: \(failure.text)")
    }
  }
}

extension ModelReply {
  fileprivate mutating func cover(_ redaction: Redaction) {
    text = redaction.covering(text)
    model = redaction.covering(model)
    for index in calls.indices {
      calls[index].id = redaction.covering(calls[index].id)
      calls[index].name = redaction.covering(calls[index].name)
      calls[index].arguments = redaction.covering(calls[index].arguments)
    }
  }
}

extension Duration {
  /// For people.
  fileprivate var inSeconds: String {
    let value = Double(milliseconds) / 1000
    return value == value.rounded() ? "\(Int(value))" : "\(value)"
  }
}
