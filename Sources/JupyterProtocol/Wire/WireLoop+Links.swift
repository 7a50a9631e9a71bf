// Messages between kernels and their clients, through sockets that clients share.
import CZeroMQ
import DequeModule
import JSON

extension WireLoop {
  private static let channels: [ConnectionFile.Channel] = [.iopub, .shell, .control, .stdin]
  /// Messages and bytes of one socket and turn: a kernel that floods must not keep the others waiting.
  private static let mostMessages = 64
  private static let mostBytes = 1 << 20
  /// Messages that libzmq keeps, of whatever size, while the kernel or we do not read.
  private static let queueOfRequests: Int32 = 16
  private static let queueOfOutputs: Int32 = 64
  /// Larger parts end a connection: nobody could show them.
  private static let largestPart: Int64 = 256 << 20

  // MARK: Opening and closing

  func openLink(_ id: UInt64, _ connection: ConnectionFile, _ receiver: any KernelLinkReceiver) {
    let session = MessageSession(key: connection.key)
    var sockets: [ConnectionFile.Channel: WireSocket] = [:]
    do throws(ZMQError) {
      // iopub first, so that a kernel which answers at once already knows whom to send outputs to.
      for channel in Self.channels {
        sockets[channel] = try openLinkSocket(id, channel, connection, identity: Array(session.id.utf8))
      }
    } catch {
      sockets.values.forEach(close)
      return receiver.failed(error)
    }
    links[id] = KernelLink(id: id, session: session, receiver: receiver, sockets: sockets)
    deadlines.insert(.join(link: id), at: .after(.milliseconds(10)))
    // The descriptors are edge-triggered, and what connecting did may have taken an edge.
    unread.formUnion(sockets.values.map(\.tag))
  }

  private func openLinkSocket(
    _ id: UInt64, _ channel: ConnectionFile.Channel, _ connection: ConnectionFile, identity: [UInt8]
  ) throws(ZMQError) -> WireSocket {
    let socket = try ZMQSocket(channel == .iopub ? .sub : .dealer, in: context)
    try socket.setUpClient(.patient)
    try socket.limitParts(to: Self.largestPart)
    if channel == .iopub {
      try socket.set(ZMQ_RCVHWM, Self.queueOfOutputs)
      try socket.set(ZMQ_SUBSCRIBE, [])
    } else {
      // The same on all channels: kernels send input requests to the identity that came with the execution.
      try socket.set(ZMQ_ROUTING_ID, identity)
      try socket.set(ZMQ_SNDHWM, Self.queueOfRequests)
    }
    return try attach(socket, to: connection.endpoint(channel), purpose: .link(id, channel))
  }

  func closeLink(_ id: UInt64) {
    guard let link = links.removeValue(forKey: id) else { return }
    for socket in link.sockets.values {
      unread.remove(socket.tag)
      close(socket)
    }
    for one in link.waiting.values.joined() { one.sender?.taken(bytes: one.bytes) }
  }

  // MARK: Joining

  /// Kernels without `iopub_welcome` are asked a question until its `busy` arrives here. Control answers while a cell
  /// runs; shell is for kernels that answer there only, and is asked seldom, because it answers everything in the end.
  func joinIsDue(_ id: UInt64) {
    guard let link = links[id], !link.isJoined else { return }
    // A kernel that says nothing for so long is busy: what is sent now comes to it later than our subscription.
    guard link.probes < 40 else { return join(link) }
    let isTurnOfShell = link.probes == 1 || link.probes == 20
    for channel in isTurnOfShell ? [ConnectionFile.Channel.control, .shell] : [.control] {
      guard let socket = link.sockets[channel] else { continue }
      // A full queue, or none yet, is asked again.
      _ = try? socket.socket.send(
        link.session.frames(link.session.header("kernel_info_request"), content: Array("{}".utf8)))
      unread.insert(socket.tag)
    }
    link.probes += 1
    deadlines.insert(.join(link: id), at: .after(.milliseconds(link.probes < 10 ? 20 : 60)))
  }

  private func join(_ link: KernelLink) {
    link.isJoined = true
    flush(link, .shell)
  }

  // MARK: Sending

  func send(
    _ frames: Frames, on id: UInt64, _ channel: ConnectionFile.Channel, from sender: (any KernelLinkSender)?,
    bytes: Int
  ) {
    guard let link = links[id] else {
      sender?.taken(bytes: bytes)
      return
    }
    // Who waits for a kernel that does not read is bounded by what each sender may have here.
    link.waiting[channel, default: []].append(.init(frames: frames, sender: sender, bytes: bytes))
    flush(link, channel)
  }

  private func flush(_ link: KernelLink, _ channel: ConnectionFile.Channel) {
    // What is asked on the other channels has no outputs that could be missed.
    guard channel != .shell || link.isJoined, let socket = link.sockets[channel] else { return }
    while let first = link.waiting[channel]?.first {
      // An error other than a full queue is one of the message; it cannot be sent later either.
      guard (try? socket.socket.send(first.frames)) ?? true else { break }
      link.waiting[channel]?.removeFirst()
      first.sender?.taken(bytes: first.bytes)
    }
    // Sending may have taken the edge of an answer.
    if channel != .iopub, socket.socket.canReceive { unread.insert(socket.tag) }
  }

  // MARK: Receiving

  func readLink(_ id: UInt64, _ channel: ConnectionFile.Channel) {
    guard let link = links[id], let socket = link.sockets[channel] else { return }
    if channel == .iopub, link.hold != nil { return }
    let wasJoined = link.isJoined
    var (count, bytes) = (0, 0)
    while count < Self.mostMessages, bytes < Self.mostBytes, socket.socket.canReceive,
      let frames = try? socket.socket.receive()
    {
      count += 1
      // Anything invalid comes from somebody else on this port, or from a kernel that nobody understands.
      guard let message = try? RawMessage(parsing: frames, channel: channel, signer: link.session.signer) else {
        link.refusedMessages += 1
        continue
      }
      if link.isOurs(message) { continue }
      bytes += message.size
      link.arrived.append(message)
      arrivals.insert(id)
    }
    if !wasJoined, link.isJoined { join(link) }
    if socket.socket.canReceive { unread.insert(socket.tag) }
    if link.waiting[channel]?.isEmpty == false { flush(link, channel) }
  }

  /// At the end of a turn, so that whoever gets the messages gets them at once.
  func deliverArrivals() {
    for id in arrivals {
      guard let link = links[id] else { continue }
      let messages = link.arrived
      link.arrived = []
      if link.receiver.received(messages), link.hold == nil { hold(link) }
    }
    arrivals = []
  }

  // MARK: Holding back

  private func hold(_ link: KernelLink) {
    nextTag += 1
    link.hold = nextTag
    if let socket = link.sockets[.iopub] { unread.remove(socket.tag) }
    deadlines.insert(.hold(link: link.id, number: nextTag), at: .after(Wire.holdPatience))
  }

  func holdIsDue(_ id: UInt64, _ number: UInt64) {
    guard let link = links[id], link.hold == number else { return }
    link.hold = nil
    if link.receiver.holdIsOver() { hold(link) } else { goOn(link) }
  }

  func resumeLink(_ id: UInt64) {
    guard let link = links[id], link.hold != nil else { return }
    link.hold = nil
    goOn(link)
  }

  private func goOn(_ link: KernelLink) {
    if let socket = link.sockets[.iopub] { unread.insert(socket.tag) }
  }
}
