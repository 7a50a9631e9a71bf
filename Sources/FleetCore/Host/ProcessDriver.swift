// Real processes: starts kernels under their shims, adopts those that live, ends them, and tells how they ended.
import FleetConfiguration
import FleetEngine
import Glibc
import Logging
import Synchronization

/// Returns at once from every call; answers are posted to the inbox.
final class ProcessDriver: Sendable {
  private struct State {
    var live: [KernelID: LaunchedProcess] = [:]
    /// The waits for the ends of live processes, by nonce.
    var waits: [String: DescriptorEvents.Token] = [:]
    var launching = 0
    /// Nonces of what is being killed.
    var killing: Set<String> = []
    var isClosed = false
    var whenSettled: CheckedContinuation<Void, Never>?
  }

  private let plan: LaunchPlan
  private let files: KernelFiles
  private let inbox: Inbox
  private let log: Logger
  private let launcher: LocalLauncher
  private let events: DescriptorEvents
  private let state = Mutex(State())
  // Each for what must not wait for the others: a fork bomb that is being killed delays no launch.
  private let launches = BlockingQueue("fleet.host.launches")
  private let exits = BlockingQueue("fleet.host.exits")
  private let kills = BlockingQueue("fleet.host.kills")

  init(setup: FleetHost.Setup, files: KernelFiles, resolver: Resolver, inbox: Inbox) throws {
    plan = LaunchPlan(setup: setup, files: files, resolver: resolver)
    self.files = files
    self.inbox = inbox
    log = setup.log
    events = try DescriptorEvents()
    launcher = LocalLauncher(shim: setup.shim, roots: CgroupRoots.prepare(), events: events)
  }

  /// Returns when no launch is under way; nothing is launched, followed or told afterwards.
  func close() async {
    await withCheckedContinuation { continuation in
      let isSettled = state.withLock { state in
        state.isClosed = true
        if state.launching > 0 { state.whenSettled = continuation }
        return state.launching == 0
      }
      if isSettled { continuation.resume() }
    }
    let waits = state.withLock { state in
      state.live = [:]
      return state.waits.values
    }
    waits.forEach(events.cancel)
  }

  // MARK: Launch

  /// - Parameter sent: variables of the client that spawned it; nil if an earlier launch was told them.
  func launch(_ kernel: Kernel, sent: [String: String]?) {
    let isOpen = state.withLock { state in
      if !state.isClosed { state.launching += 1 }
      return !state.isClosed
    }
    // The row says `starting`, and the next host will find no process.
    guard isOpen else { return }
    Task.detached(executorPreference: launches) { [self] in
      do { started(kernel, try await start(kernel, sent)) } catch {
        let failure = error as? LaunchFailure ?? LaunchFailure(reason: Self.sentence(error), code: Self.code(error))
        inbox.post(.launchFailed(kernel.id, generation: kernel.generation, failure))
      }
      state.withLock { state in
        state.launching -= 1
        defer { if state.launching == 0 { state.whenSettled = nil } }
        return state.launching == 0 ? state.whenSettled : nil
      }?.resume()
    }
  }

  private func start(_ kernel: Kernel, _ sent: [String: String]?) async throws -> LaunchedProcess {
    try files.checkDirectory()
    // First of all: if the port is taken, the next launch is not told them again.
    if let sent { try files.writeEnvironment(sent, of: kernel.id) }
    if let problem = PortCheck.problem(from: kernel.port, count: Ports.perKernel) {
      // Who insists on a port is told the same whether a kernel or a stranger has it.
      let code: EngineError.Code = kernel.specification.port == nil ? .startFailed : .limit
      throw LaunchFailure(reason: problem, portTaken: true, code: code)
    }
    if let user = kernel.user, let name = FilePath.userName(user.id) {
      throw LaunchFailure(
        reason: "the user id \(user.id) belongs to \(name); choose another uid_range in fleet.toml", code: .limit)
    }
    if kernel.specification.hardening.hasOwnDirectory { try files.makeOwnDirectory(kernel) }
    try files.writeConnectionFile(kernel)
    return try await launcher.launch(try plan.request(for: kernel))
  }

  /// What was asked for and cannot be had on this machine is no fault of the host.
  private static func code(_ error: any Error) -> EngineError.Code {
    guard let error = error as? LaunchError else { return .startFailed }
    if error.step == .spawn, error.code == E2BIG { return .tooLarge }
    return error.step == .limits || error.step == .hardening ? .limit : .startFailed
  }

  private static func sentence(_ error: any Error) -> String { (error as? EngineError)?.message ?? "\(error)" }

  private func started(_ kernel: Kernel, _ process: LaunchedProcess) {
    remember(process, of: kernel.id)
    let processes = FleetEngine.Process(
      shim: process.shim.pid, kernel: process.kernel, startedAt: FleetHost.wallMilliseconds())
    inbox.post(.launched(kernel.id, generation: kernel.generation, processes))
    follow(kernel, process)
  }

  // MARK: Exit

  /// For `adopt`: a process that was found when the host started.
  func remember(_ process: LaunchedProcess, of id: KernelID) { state.withLock { $0.live[id] = process } }

  /// The control groups of living launches that have any.
  var groups: [(KernelID, nonce: String, paths: [String])] {
    state.withLock { state in
      state.live.compactMap { id, process in
        process.cgroups.isEmpty ? nil : (id, nonce: process.nonce, paths: process.cgroups)
      }
    }
  }

  func groups(of id: KernelID) -> [String] { state.withLock { $0.live[id]?.cgroups ?? [] } }

  func adopt(_ kernel: Kernel) {
    if let process = process(of: kernel) { follow(kernel, process) }
  }

  /// The process of this launch of the kernel, and of no other.
  private func process(of kernel: Kernel) -> LaunchedProcess? {
    state.withLock { $0.live[kernel.id] }.flatMap { $0.nonce == kernel.nonce ? $0 : nil }
  }

  /// Posts `exited` as soon as the shim is gone.
  private func follow(_ kernel: Kernel, _ process: LaunchedProcess) {
    if state.withLock({ $0.isClosed }) { return }
    do {
      let wait = try events.once(process.shim.descriptor) { [self] outcome in
        if outcome == .ready { exits.async { self.ended(kernel, process) } }
      }
      // It may have ended already.
      state.withLock { if $0.live[kernel.id]?.nonce == process.nonce { $0.waits[process.nonce] = wait } }
    } catch {
      log.error("\(kernel.id): its end cannot be watched, which is tried again: \(error)")
      exits.async(after: .seconds(1)) { self.follow(kernel, process) }
    }
  }

  private func ended(_ kernel: Kernel, _ process: LaunchedProcess) {
    _ = process.shim.reap()
    let isClosed = state.withLock { state in
      if state.live[kernel.id]?.nonce == process.nonce { state.live[kernel.id] = nil }
      state.waits[process.nonce] = nil
      return state.isClosed
    }
    // The next host finds the exit file.
    if isClosed { return }
    let ending = KernelEnding(id: "\(kernel.id)", nonce: process.nonce, directory: files.directory)
    if let info = ending.recorded() {
      inbox.post(.exited(kernel.id, generation: kernel.generation, info))
    } else {
      kills.async { [inbox, log] in
        do throws(SystemError) { try ending.clearRemains() } catch { log.error("\(kernel.id): \(error)") }
        inbox.post(.exited(kernel.id, generation: kernel.generation, ending.lost()))
      }
    }
  }

  // MARK: Signals

  func signal(_ kernel: Kernel, _ signal: StopSignal) {
    guard let process = process(of: kernel) else { return }
    switch signal {
    case .terminate: attempt(kernel.id) { () throws(SystemError) in try process.terminate() }
    case .kill: kill(process)
    }
  }

  func interrupt(_ kernel: Kernel) {
    guard let process = process(of: kernel) else { return }
    attempt(kernel.id) { () throws(SystemError) in try process.interrupt() }
  }

  /// Waits until the shim has passed SIGINT on; part of a second at most, for a shim that does not run.
  func interruptIsOut(_ kernel: Kernel) async {
    for _ in 0..<500 where process(of: kernel)?.isInterruptPending == true {
      // Who does not wait any more is not answered either.
      guard (try? await Task.sleep(for: .milliseconds(1))) != nil else { return }
    }
  }

  private func attempt(_ id: KernelID, _ action: () throws(SystemError) -> Void) {
    do { try action() } catch { log.error("\(id): \(error)") }
  }

  /// Ends a process that no row accounts for.
  func end(stray process: LaunchedProcess) {
    log.warning("\(process.id): no row accounts for its process \(process.kernel); it is ended")
    kill(process)
  }

  private func kill(_ process: LaunchedProcess) {
    // The engine asks again while it waits; one attempt at a time is enough.
    guard state.withLock({ $0.killing.insert(process.nonce).inserted }) else { return }
    Task.detached(executorPreference: kills) { [self] in
      do throws(SystemError) {
        if try await !process.killSurely(events) { log.error("\(process.id): something of it cannot be killed") }
      } catch {
        log.error("\(process.id): \(error)")
      }
      state.withLock { _ = $0.killing.remove(process.nonce) }
    }
  }
}
