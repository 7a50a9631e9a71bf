// Starts kernels as processes of this machine, each under a shim of its own.

import CFleetSystem
import Glibc

/// Starts local processes through `fleet-shim`.
public struct LocalLauncher: ProcessLauncher {
  /// The executable `fleet-shim`.
  public let shim: String
  public let roots: CgroupRoots
  /// How long the shim may take to report.
  public let patience: Duration
  private let events: DescriptorEvents

  public init(
    shim: String, roots: CgroupRoots, events: DescriptorEvents, patience: Duration = .seconds(10)
  ) {
    self.shim = shim
    self.roots = roots
    self.events = events
    self.patience = patience
  }

  public func launch(_ request: LaunchRequest) async throws(LaunchError) -> LaunchedProcess {
    try request.check()
    let pipe = try ReportPipe()
    let handle = try spawn(request, report: pipe.writer)
    pipe.closeWriter()
    let bytes = await pipe.read(within: patience, events)
    switch bytes.flatMap({ ShimReport($0) }) {
    case .started(let kernel, _, let limits, let hardening, let cgroups):
      return LaunchedProcess(
        id: request.id, nonce: request.nonce, directory: request.directory, shim: handle, kernel: kernel,
        limits: limits, hardening: hardening, cgroups: cgroups)
    case .failed(let step, let code, let detail):
      await bury(handle)
      throw LaunchError(request, step: step, code: code, detail: detail)
    case nil:
      throw await silence(request, handle, timedOut: bytes == nil)
    }
  }

  private func spawn(_ request: LaunchRequest, report: Int32) throws(LaunchError) -> ProcessHandle {
    let arguments = request.shimArguments(shim: shim, roots: roots)
    let variables = request.environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    var pid: pid_t = 0
    let result = withCStrings(arguments) { argv in
      withCStrings(variables) { envp in fleet_spawn(shim, argv, envp, report, &pid) }
    }
    guard result == 0 else { throw spawnError(request, code: -result) }
    do throws(SystemError) {
      return try ProcessHandle(pid: pid)
    } catch {
      // Safe by pid: it is our child, and nobody else reaps it.
      kill(pid, SIGKILL)
      waitpid(pid, nil, 0)
      throw LaunchError(.spawn, code: error.code, "\(request.id) was not started: \(error)")
    }
  }

  private func spawnError(_ request: LaunchRequest, code: Int32) -> LaunchError {
    let reason = SystemError.text(of: code)
    switch code {
    case ENOENT, EACCES:
      return LaunchError(.spawn, code: code, "\(shim), which starts kernels, cannot be executed: \(reason)")
    case E2BIG:
      return LaunchError(
        .spawn, code: code, "the environment and arguments of \(request.id) are larger than the system allows")
    default:
      return LaunchError(.spawn, code: code, "\(request.id) was not started: cannot start a process: \(reason)")
    }
  }

  /// A shim without a report was killed, or hangs.
  private func silence(_ request: LaunchRequest, _ handle: ProcessHandle, timedOut: Bool) async -> LaunchError {
    // The kernel dies with the shim; whatever it may have started already is cleared below.
    _ = try? handle.send(SIGKILL)
    await bury(handle)
    // Nothing more can be done about what cannot be looked at; a host that starts looks again.
    _ = try? KernelRemains(id: request.id, nonce: request.nonce, directory: request.directory).clear()
    let what = timedOut ? "said nothing for \(patience)" : "was killed before it reported"
    return LaunchError(.report, code: timedOut ? ETIMEDOUT : 0, "\(request.id) was not started: its shim \(what)")
  }

  /// Waits for the end of a shim of ours, and reaps it.
  private func bury(_ handle: ProcessHandle) async {
    // A wait that fails leaves a zombie behind until the host ends, which is harmless.
    _ = try? await events.readable(handle.descriptor, within: .seconds(5))
    _ = handle.reap()
  }
}

extension LaunchRequest {
  /// What no program could be started with.
  fileprivate func check() throws(LaunchError) {
    guard let program = arguments.first, !program.isEmpty else {
      throw LaunchError(.arguments, code: EINVAL, "\(id) was not started: its argv is empty")
    }
    let names = environment.keys
    if let name = names.first(where: { $0.isEmpty || $0.utf8.contains(UInt8(ascii: "=")) }) {
      throw LaunchError(.arguments, code: EINVAL, "\(id) was not started: \"\(name)\" is no name of a variable")
    }
    let texts =
      arguments + Array(names) + Array(environment.values) + [id, nonce, directory, logFile, workingDirectory ?? ""]
      + hardening.writable
    if texts.contains(where: { $0.utf8.contains(0) }) {
      throw LaunchError(
        .arguments, code: EINVAL, "\(id) was not started: its arguments or variables hold a null character")
    }
  }
}

/// The pipe on which a shim reports; what is left open is closed with it.
private final class ReportPipe {
  let reader: Int32
  private(set) var writer: Int32

  init() throws(LaunchError) {
    var reader: Int32 = -1
    var writer: Int32 = -1
    let result = fleet_report_pipe(&reader, &writer)
    guard result == 0 else {
      throw LaunchError(.spawn, code: -result, "cannot make a pipe: \(SystemError.text(of: -result))")
    }
    self.reader = reader
    self.writer = writer
  }

  deinit {
    closeWriter()
    close(reader)
  }

  func closeWriter() {
    if writer >= 0 { close(writer) }
    writer = -1
  }

  /// Everything until the shim closes its end; nil when that takes too long.
  func read(within limit: Duration, _ events: DescriptorEvents) async -> [UInt8]? {
    let deadline = ContinuousClock.now + limit
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = Glibc.read(reader, &chunk, chunk.count)
      if count > 0 {
        bytes += chunk.prefix(count)
      } else if count == 0 {
        return bytes
      } else if errno == EAGAIN {
        // A wait that cannot be made counts as one that took too long.
        let outcome = try? await events.readable(reader, within: deadline - .now)
        guard outcome == .ready else { return nil }
      } else if errno != EINTR {
        return nil
      }
    }
  }
}

/// The strings as a null-terminated array of C strings, for as long as `body` runs.
private func withCStrings<Result>(
  _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
  var pointers = strings.map { strdup($0) } + [nil]
  defer { pointers.forEach { free($0) } }
  return pointers.withUnsafeMutableBufferPointer { body($0.baseAddress!) }  // never empty: it ends with nil
}
