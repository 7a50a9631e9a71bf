// The Lua kernel: takes requests from the shell channel one by one, on the thread that owns the Lua state.
import FleetConfiguration
import Glibc
import JSON
import JupyterProtocol
import LuaRuntime

/// A kernel that is bound to its ports. Confined to the thread that made it.
public final class LuaKernel {
  let server: KernelServer
  let session: LuaSession
  let context: ExecutionContext
  let signals: KernelSignals
  let log: KernelLog
  let fleet: FleetLibrary
  let models: ModelLibrary
  let comms: CommLibrary
  var history: History
  /// The number of the last request that stored history.
  var count = 0
  private let info: KernelServer.Reply
  private var clients: ClientLimit
  private let idleTimeout: Duration?
  var failures = FailureQueue()

  /// What a kernel is made of beside its ports.
  struct Setup {
    var identity: KernelIdentity
    var configuration: KernelSettings
    var maxClients = 0
    var idleTimeout: Duration?
    var log: KernelLog
  }

  init(server: KernelServer, _ setup: Setup) throws {
    self.server = server
    log = setup.log
    history = History(setup.identity.historyFile.map { HistoryFile(path: $0) })
    let state = try LuaState(LuaConfiguration(library: .full, memoryLimit: MemoryAllowance.forScripts()))
    signals = KernelSignals(interrupter: state.interrupter, wakeup: server.wakeup)
    context = ExecutionContext(server: server, signals: signals)
    models = ModelLibrary(setup.configuration.configuration, interruption: server.wakeup)
    try models.install(in: state)
    comms = CommLibrary(context: context)
    try comms.install(in: state)
    session = try LuaSession(state, context: context)
    fleet = FleetLibrary(identity: setup.identity, signals: signals)
    try StateLibrary.install(in: state, store: StateStore(path: setup.identity.stateFile))
    try fleet.install(in: state)
    try setup.configuration.publish(in: session)
    info = KernelServer.Reply("kernel_info_reply", content: KernelInfo.reply(release: session.release))
    clients = ClientLimit(setup.maxClients)
    idleTimeout = setup.idleTimeout
    context.cell = { [unowned self] in history.source(of: $0) }
    try start()
  }

  private func start() throws(ZMQError) {
    let (info, signals) = (self.info, self.signals)
    try server.start(
      control: { request in
        switch request.type {
        case "kernel_info_request": return info
        case "interrupt_request":
          signals.interrupt()
          return .init("interrupt_reply", ["status": "ok"])
        case "shutdown_request":
          let restart = request.content["restart"]?.bool ?? false
          signals.end(.shutdown(restart: restart))
          return .init("shutdown_reply", ["status": "ok", "restart": .bool(restart)])
        default: return LuaKernel.unknown(request.type)
        }
      },
      onAttention: {
        let arrived = ProcessSignals.take()
        if arrived.interrupt { signals.interrupt(commands: false) }
        if arrived.terminate { signals.end(.shutdown(restart: false)) }
      })
    server.publisher.status(.starting, parent: nil)
  }

  /// Serves requests until the kernel is told to end.
  /// - Returns: the process's exit code.
  func run() throws(ZMQError) -> Int32 {
    while true {
      if let ending = signals.ending { return finish(ending) }
      if let next = failures.next() {
        try serve(next.request, next.source)
        continue
      }
      switch try server.receive(until: idleTimeout.map { .after($0) }) {
      case .request(let request, let source): try serve(request, source)
      case .woken: break
      case .timedOut: signals.end(.idle)
      }
    }
  }

  private func finish(_ ending: Ending) -> Int32 {
    if case .shutdown(let restart) = ending {
      let content: JSON = ["status": "ok", "restart": .bool(restart)]
      server.publisher.publish("shutdown_reply", parent: nil, content: content.encoded())
    }
    log.info(ending == .idle ? KernelEnd.idle : "ends: \(ending)")
    // A client that started this process, such as jupyter console, looks whether it lives before it reads the reply.
    if case .exit = ending { poll(nil, 0, 200) }
    server.stop()
    return ending.exitCode
  }

  // MARK: Requests

  private func serve(_ request: JupyterMessage, _ source: Int32) throws(ZMQError) {
    // Whoever sees it busy may interrupt it at once.
    if request.type == "execute_request" { signals.beginExecution() }
    server.publisher.status(.busy, parent: request.header)
    let reply = try answer(request, source)
    signals.endExecution()
    if let reply { try server.reply(reply, to: request) }
    server.publisher.status(.idle, parent: request.header)
  }

  private func answer(_ request: JupyterMessage, _ source: Int32) throws(ZMQError) -> KernelServer.Reply? {
    // A host asks for information to see whether the kernel lives; that makes it no client.
    if request.type == "kernel_info_request" { return info }
    if request.type == "shutdown_request" {
      let restart = request.content["restart"]?.bool ?? false
      signals.end(.shutdown(restart: restart))
      return .init("shutdown_reply", ["status": "ok", "restart": .bool(restart)])
    }
    guard clients.admits(source) else {
      let report = ErrorReport(
        name: "TooManyClients", value: "this kernel serves as many clients as --max-clients allows")
      if request.type == "execute_request" { publish(report, request) }
      return LuaKernel.failure(of: request.type, report, count)
    }
    switch request.type {
    case "execute_request" where failures.aborts(request):
      return .init("execute_reply", ["status": "aborted", "execution_count": JSON(count)])
    case "execute_request": return try execute(request)
    case "is_complete_request": return isComplete(request.content)
    case "complete_request": return complete(request.content)
    case "inspect_request": return inspect(request.content)
    case "history_request": return .init("history_reply", history.reply(to: request.content))
    case "comm_info_request": return commInfo(request.content)
    case "comm_open", "comm_msg", "comm_close":
      receive(comm: request)
      return nil
    default: return LuaKernel.unknown(request.type)
    }
  }

  /// An error reply of the type that belongs to a request.
  static func failure(of type: String, _ report: ErrorReport, _ count: Int = 0) -> KernelServer.Reply {
    var content = report.content
    content["status"] = "error"
    content["execution_count"] = JSON(count)
    let name = type.hasSuffix("_request") ? String(type.dropLast("_request".count)) : type
    return .init(name + "_reply", .object(content))
  }

  private static func unknown(_ type: String) -> KernelServer.Reply? {
    guard type.hasSuffix("_request") else { return nil }
    return failure(of: type, ErrorReport(name: "UnknownRequest", value: "this kernel does not know \(type)"))
  }

}
