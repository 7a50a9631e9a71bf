// By what a kernel can be found without a look at all of them: id, name, and the sessions that found it.

struct References: Sendable {
  /// What a kernel keeps of the sessions that found it; the oldest are forgotten.
  static let sessionsPerKernel = 256

  private var names: [String: KernelID] = [:]
  private var sessions: [String: KernelID] = [:]

  /// The kernel with this id (`kernel-1a2b3c4d`) or name.
  subscript(name: String) -> KernelID? { names[name] }

  func kernel(ofSession session: String) -> KernelID? { sessions[session] }

  /// Learns all of the kernel's names. A session of another kernel stays there.
  mutating func add(_ kernel: inout Kernel) {
    names[kernel.id.description] = kernel.id
    if let name = kernel.specification.name { names[name] = kernel.id }
    kernel.sessions = kernel.sessions.suffix(Self.sessionsPerKernel).filter { sessions[$0] == nil }
    for session in kernel.sessions { sessions[session] = kernel.id }
  }

  mutating func name(_ name: String, _ id: KernelID) { names[name] = id }

  mutating func remove(_ kernel: Kernel) {
    for name in [kernel.id.description, kernel.specification.name] {
      if let name, names[name] == kernel.id { names[name] = nil }
    }
    for session in kernel.sessions { sessions[session] = nil }
  }

  mutating func add(session: String, to kernel: inout Kernel) {
    sessions[session] = kernel.id
    kernel.sessions.append(session)
    if kernel.sessions.count > Self.sessionsPerKernel { sessions[kernel.sessions.removeFirst()] = nil }
  }
}

extension Engine {
  /// The kernel that an id, UUID, name or base port means.
  public func kernel(named reference: String) -> Kernel? {
    if let id = KernelID(uuid: reference) { return kernels[id] }
    if let id = references[reference] { return kernels[id] }
    guard let port = Int(reference), String(port) == reference else { return nil }
    return ports.kernel(at: port).flatMap { kernels[$0] }
  }

  /// The same session finds the same kernel again; a session belongs to the kernel that it was given last.
  mutating func remember(_ session: String?, _ id: KernelID) {
    guard let session else { return }
    let former = references.kernel(ofSession: session)
    guard former != id else { return }
    if let former {
      kernels[former]!.sessions.removeAll { $0 == session }
      touched.append(former)
      save(former)
    }
    references.add(session: session, to: &kernels[id]!)
    touched.append(id)
    save(id)
  }
}
