// Real processes: starts kernels under their shims, adopts those that live, ends them, and tells how they ended.
import FleetConfiguration
import FleetEngine
import Foundation
import Logging
import Synchronization

/// Returns at once from every call; answers are posted to the inbox.
final class ProcessDriver: Sendable {
  private let plan: LaunchPlan
  private let files: KernelFiles
  private let inbox: Inbox
  private let log: Logger
  private let launcher: LocalLauncher
  private let events: DescriptorEvents
  private let live = Mutex<[KernelID: LaunchedProcess]>([:])

  init(setup: FleetHost.Setup, files: KernelFiles, resolver: Resolver, inbox: Inbox) throws {
    plan = LaunchPlan(setup: setup, files: files, resolver: resolver)
    self.files = files
    self.inbox = inbox
    log = setup.log
    events = try DescriptorEvents()
    launcher = LocalLauncher(shim: setup.shim, roots: CgroupRoots.prepare(), events: events)
  }

  /// - Parameter sent: variables of the client that spawned it; nil for a restart.
  func launch(_ kernel: Kernel, sent: [String: String]?) {
    Task.detached { [self] in
      do {
        if let taken = PortCheck.taken(from: kernel.port, count: Ports.perKernel) {
          throw LaunchFailure(reason: "port \(taken) is taken by another program", portTaken: true)
        }
        if let sent, !sent.isEmpty { try files.writeEnvironment(sent, of: kernel.id) }
        try files.writeConnectionFile(kernel)
        let process = try await launcher.launch(try plan.request(for: kernel))
        started(kernel, process)
      } catch {
        let failure = error as? LaunchFailure ?? LaunchFailure(reason: Self.sentence(error))
        inbox.post(.launchFailed(kernel.id, generation: kernel.generation, failure))
      }
    }
  }

  private static func sentence(_ error: any Error) -> String { (error as? EngineError)?.message ?? "\(error)" }

  private func started(_ kernel: Kernel, _ process: LaunchedProcess) {
    live.withLock { $0[kernel.id] = process }
    let processes = FleetEngine.Process(
      shim: process.shim.pid, kernel: process.kernel, startedAt: FleetHost.wallMilliseconds())
    inbox.post(.launched(kernel.id, generation: kernel.generation, processes))
    follow(kernel, process)
  }

  /// For `adopt`: a process that was found when the host started.
  func remember(_ process: LaunchedProcess, of id: KernelID) { live.withLock { $0[id] = process } }

  func adopt(_ kernel: Kernel) {
    if let process = live.withLock({ $0[kernel.id] }) { follow(kernel, process) }
  }

  /// Posts `exited` as soon as the shim is gone.
  private func follow(_ kernel: Kernel, _ process: LaunchedProcess) {
    do {
      try events.once(process.shim.descriptor) { [self] outcome in
        if outcome == .ready { ended(kernel, process) }
      }
    } catch {
      log.error("\(kernel.id): its end cannot be watched: \(error)")
    }
  }

  private func ended(_ kernel: Kernel, _ process: LaunchedProcess) {
    _ = process.shim.reap()
    live.withLock { live in
      if live[kernel.id]?.nonce == process.nonce { live[kernel.id] = nil }
    }
    inbox.post(.exited(kernel.id, generation: kernel.generation, exitInfo(kernel, process.nonce)))
  }

  private func exitInfo(_ kernel: Kernel, _ nonce: String) -> ExitInfo {
    let id = kernel.id.description
    var info: ExitInfo
    do {
      let record = try ExitRecord.read(id: id, nonce: nonce, directory: files.directory.path)
      info = record.map(ExitInfo.init) ?? ExitInfo(isLost: true)
      // A shim that was killed left the rest of its kernel's processes behind.
      if record == nil { try KernelRemains(id: id, nonce: nonce, directory: files.directory.path).clear() }
    } catch {
      info = ExitInfo(detail: "its exit file cannot be read: \(error)", isLost: true)
    }
    if !info.isClean {
      // A log that cannot be read has nothing to say.
      let words = (try? LogTail.last(5, of: files.directory.logFile(id)).lines) ?? []
      if !words.isEmpty { info.detail = words.joined(separator: "\n") }
    }
    return info
  }

  func signal(_ kernel: Kernel, _ signal: StopSignal) {
    guard let process = live.withLock({ $0[kernel.id] }) else { return }
    switch signal {
    case .terminate: attempt(kernel.id) { try process.terminate() }
    case .kill:
      Task.detached { [self] in
        do {
          if try await !process.killSurely(events) { log.error("\(kernel.id): something of it cannot be killed") }
        } catch { log.error("\(kernel.id): \(error)") }
      }
    }
  }

  func interrupt(_ id: KernelID) {
    guard let process = live.withLock({ $0[id] }) else { return }
    attempt(id) { try process.interrupt() }
  }

  private func attempt(_ id: KernelID, _ action: () throws -> Void) {
    do { try action() } catch { log.error("\(id): \(error)") }
  }

  /// Ends a process that no row accounts for.
  func end(stray process: LaunchedProcess) {
    log.warning("\(process.id): no row accounts for its process \(process.kernel); it is ended")
    Task.detached { [self] in
      do { _ = try await process.killSurely(events) } catch { log.error("\(process.id): \(error)") }
    }
  }
}

extension ExitInfo {
  init(_ record: ExitRecord) {
    self.init(outOfMemory: record.isOutOfMemory, endedAt: Self.milliseconds(record.ended))
    switch record.ending {
    case .code(let code): self.code = Int(code)
    case .signal(let number): signal = Int(number)
    }
    if let limit = record.limit, limit != "memory" { detail = "its limit of \(limit)" }
  }

  private static func milliseconds(_ text: String) -> Int64? {
    // Only for people: a date that cannot be read is left out.
    let date = try? Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(text)
    return (date ?? (try? Date.ISO8601FormatStyle().parse(text))).map { Int64($0.timeIntervalSince1970 * 1000) }
  }
}
