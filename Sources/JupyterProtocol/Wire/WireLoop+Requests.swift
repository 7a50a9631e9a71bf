// Requests of the wire thread: probes on shell, interrupts and shutdowns on control.
import JSON

/// A kernel that is asked for its information until it answers, and until its states are heard: what it does from then on
/// is not missed.
struct Probe {
  let connection: ConnectionFile
  let session: MessageSession
  let socket: WireSocket
  /// What it answered.
  var info: JSON?
  var isHeard = false
  /// Its last state that belongs to somebody else's request.
  var status: WireEvent?
  /// Questions after its answer, and answers to them.
  var questions = 0
  var answers = 0
}

/// A request on a control channel that waits for its reply.
struct ControlCall {
  let token: UInt64
  let request: ControlRequest
  let session: MessageSession
  let id: String
  let socket: WireSocket
}

extension WireLoop {
  /// After this a probe starts anew, with a new connection: the first one may have reached a port's earlier owner.
  private static let probeInterval = Duration.seconds(1)
  /// How often a kernel that is not heard answers until it is taken for one that publishes nothing. With the pauses, which
  /// double from 2 ms to 20 ms, that is half a second.
  private static let mostAnswers = 27
  /// A kernel that answers no more, because somebody's cell runs, is waited for two seconds.
  private static let mostQuestions = 100

  private static func pause(after questions: Int) -> Duration { .milliseconds(min(2 << min(questions, 4), 20)) }

  // MARK: Probe

  func startProbe(
    _ token: UInt64, _ connection: ConnectionFile, _ reconnect: KernelClient.Reconnect = .eager
  ) throws(ZMQError) {
    endProbe(token)
    let session = MessageSession(key: connection.key)
    let socket = try open(
      connection.endpoint(.shell), reconnect, purpose: .probe(token: token), identity: Array(session.id.utf8))
    let probe = Probe(connection: connection, session: session, socket: socket)
    probes[token] = probe
    askers = askers.filter { $0.value != token }
    askers[session.id] = token
    deadlines.insert(.probe(token: token, tag: socket.tag), at: .after(WireLoop.probeInterval))
    try ask(probe)
    readProbe(token)
  }

  private func ask(_ probe: Probe) throws(ZMQError) {
    let header = probe.session.header("kernel_info_request")
    try probe.socket.socket.send(probe.session.frames(header, content: Array("{}".utf8)))
  }

  func endProbe(_ token: UInt64) {
    if let probe = probes.removeValue(forKey: token) { close(probe.socket) }
  }

  func readProbe(_ token: UInt64) {
    while let probe = probes[token], probe.socket.socket.canReceive, let frames = try? probe.socket.socket.receive() {
      // Anything invalid comes from somebody else on this port.
      guard let reply = try? probe.session.parse(frames), reply.type == "kernel_info_reply" else { continue }
      if probe.info == nil {
        learn(reply.header.session, of: token)
        probes[token]?.info = reply.content
        deadlines.insert(.hearing(token: token, tag: probe.socket.tag), at: .after(Self.pause(after: 0)))
      } else {
        probes[token]?.answers += 1
      }
      finishProbe(token)
    }
  }

  /// The session of a kernel's messages.
  func learn(_ session: String, of token: UInt64) {
    guard tokens[session] != token else { return }
    tokens = tokens.filter { $0.value != token }
    tokens[session] = token
  }

  /// A state of the kernel came.
  func probeIsHeard(_ token: UInt64) {
    probes[token]?.isHeard = true
    finishProbe(token)
  }

  private func finishProbe(_ token: UInt64) {
    guard let probe = probes[token], let info = probe.info,
      probe.isHeard || probe.answers >= Self.mostAnswers || probe.questions >= Self.mostQuestions
    else { return }
    endProbe(token)
    onEvent(.ready(token: token, info: info))
    if let status = probe.status { onEvent(status) }
  }

  func probeIsDue(_ token: UInt64, _ tag: UInt64) {
    guard let probe = probes[token], probe.socket.tag == tag, probe.info == nil else { return }
    listenPatiently(token)
    attemptProbe(token, probe.connection, .patient)
  }

  /// It has answered and is not heard yet.
  func hearingIsDue(_ token: UInt64, _ tag: UInt64) {
    guard let probe = probes[token], probe.socket.tag == tag else { return }
    probes[token]?.questions += 1
    // A full queue is asked again.
    try? ask(probe)
    deadlines.insert(.hearing(token: token, tag: tag), at: .after(Self.pause(after: probe.questions + 1)))
    readProbe(token)
    finishProbe(token)
  }

  /// A socket that cannot be made now, because there are too many, may be later.
  func attemptProbe(_ token: UInt64, _ connection: ConnectionFile, _ reconnect: KernelClient.Reconnect) {
    failedProbes[token] = nil
    do { try startProbe(token, connection, reconnect) } catch {
      endProbe(token)
      onEvent(.failed(token: token, error))
      nextTag += 1
      failedProbes[token] = (connection, nextTag)
      deadlines.insert(.failedProbe(token: token, number: nextTag), at: .after(WireLoop.probeInterval))
    }
  }

  func failedProbeIsDue(_ token: UInt64, _ number: UInt64) {
    guard let (connection, latest) = failedProbes[token], latest == number else { return }
    attemptProbe(token, connection, .patient)
  }

  // MARK: Control

  func startControl(_ token: UInt64, _ connection: ConnectionFile, _ request: ControlRequest) throws(ZMQError) {
    let session = MessageSession(key: connection.key)
    let socket = try open(
      connection.endpoint(.control), .patient, purpose: .control, identity: Array(session.id.utf8))
    let (type, content): (String, JSON) =
      switch request {
      case .interrupt: ("interrupt_request", [:])
      case .shutdown(let restart): ("shutdown_request", ["restart": .bool(restart)])
      }
    let header = session.header(type)
    do { try socket.socket.send(session.frames(header, content: content.encoded())) } catch {
      close(socket)
      throw error
    }
    controls[socket.tag] = ControlCall(
      token: token, request: request, session: session, id: header.id, socket: socket)
    deadlines.insert(.control(tag: socket.tag), at: .after(Wire.patience))
    readControl(socket.tag)
  }

  func readControl(_ tag: UInt64) {
    guard let call = controls[tag] else { return }
    while call.socket.socket.canReceive, let frames = try? call.socket.socket.receive() {
      guard let reply = try? call.session.parse(frames), reply.parent?.id == call.id else { continue }
      end(call, isAnswered: true)
      return
    }
  }

  func controlIsDue(_ tag: UInt64) {
    if let call = controls[tag] { end(call, isAnswered: false) }
  }

  private func end(_ call: ControlCall, isAnswered: Bool) {
    controls[call.socket.tag] = nil
    close(call.socket)
    report(call.request, of: call.token, isAnswered: isAnswered)
  }

  func report(_ request: ControlRequest, of token: UInt64, isAnswered: Bool) {
    switch request {
    case .interrupt(let number): onEvent(.interrupted(token: token, number: number, isAnswered: isAnswered))
    case .shutdown: onEvent(.shutdown(token: token, isAnswered: isAnswered))
    }
  }
}
