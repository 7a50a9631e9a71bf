// Requests of the wire thread: probes on shell, interrupts and shutdowns on control.
import JSON

/// A kernel that is asked for its information until it answers.
struct Probe {
  let connection: ConnectionFile
  let session: MessageSession
  let socket: WireSocket
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

  // MARK: Probe

  func startProbe(
    _ token: UInt64, _ connection: ConnectionFile, _ reconnect: KernelClient.Reconnect = .eager
  ) throws(ZMQError) {
    if let earlier = probes.removeValue(forKey: token) { close(earlier.socket) }
    let session = MessageSession(key: connection.key)
    let socket = try open(
      connection.endpoint(.shell), reconnect, purpose: .probe(token: token), identity: Array(session.id.utf8))
    probes[token] = Probe(connection: connection, session: session, socket: socket)
    deadlines.insert(.probe(token: token, tag: socket.tag), at: .after(WireLoop.probeInterval))
    try socket.socket.send(session.frames(session.header("kernel_info_request"), content: Array("{}".utf8)))
    readProbe(token)
  }

  func readProbe(_ token: UInt64) {
    guard let probe = probes[token] else { return }
    while probe.socket.socket.canReceive, let frames = try? probe.socket.socket.receive() {
      // Anything invalid comes from somebody else on this port.
      guard let reply = try? probe.session.parse(frames), reply.type == "kernel_info_reply" else { continue }
      probes[token] = nil
      close(probe.socket)
      tokens = tokens.filter { $0.value != token }
      tokens[reply.header.session] = token
      onEvent(.ready(token: token, info: reply.content))
      return
    }
  }

  func probeIsDue(_ token: UInt64, _ tag: UInt64) {
    guard let probe = probes[token], probe.socket.tag == tag else { return }
    attemptProbe(token, probe.connection, .patient)
  }

  /// A socket that cannot be made now, because there are too many, may be later.
  func attemptProbe(_ token: UInt64, _ connection: ConnectionFile, _ reconnect: KernelClient.Reconnect) {
    failedProbes[token] = nil
    do { try startProbe(token, connection, reconnect) } catch {
      if let earlier = probes.removeValue(forKey: token) { close(earlier.socket) }
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
