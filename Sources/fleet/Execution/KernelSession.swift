// A conversation with one kernel, directly over ZeroMQ.
import FleetClient
import FleetConfiguration
import Glibc
import JSON
import JupyterProtocol

final class KernelSession {
  /// As it was when it was last looked at.
  private(set) var kernel: KernelDocument
  let client: KernelClient
  private let access: HostAccess
  /// How often the connection had broken when the kernel was last looked at.
  private var knownBreaks = 0

  /// Connects to a kernel that the host knows and waits for its turn.
  init(_ kernel: KernelDocument, _ access: HostAccess) throws {
    self.kernel = kernel
    self.access = access
    try Self.check(kernel)
    client = try KernelClient(ConnectionFile(reading: kernel.connectionFile))
    try waitUntilReady()
    knownBreaks = try client.countBreaks()
    // As it is now: it may just have come back. A host that cannot say so keeps nobody from the kernel.
    let mayBeBack = knownBreaks > 0 || kernel.restarts > 0 || !["idle", "busy"].contains(kernel.status)
    guard mayBeBack, let now = try? access.kernel(kernel.uuid) else { return }
    self.kernel = now
    if let note = now.freshStart { Output.note(note) }
  }

  /// Asks people, or what standard input is, for what the kernel wants to know.
  var asking: KernelClient.InputHandler {
    { [client] in InputReader.line(prompt: $0, isPassword: $1, of: client) }
  }

  private static func check(_ kernel: KernelDocument) throws(CommandFailure) {
    guard kernel.isDead else { return }
    throw CommandFailure(
      .failed, "\(kernel.title) is dead (\(kernel.healthReason)); fleet restart \(kernel.title) starts it again")
  }

  /// A kernel that runs somebody's code is fine; one whose heart does not beat is not.
  private func waitUntilReady() throws {
    do {
      try Progress.during("waiting for \(kernel.title)") {
        try Interruption.forwarding(to: client) { try client.waitForOutputs() }
      }
    } catch KernelClientError.timedOut {
      throw hangs()
    } catch KernelClientError.interrupted {
      throw givenUp("nothing was sent to it")
    }
  }

  private func hangs() -> CommandFailure {
    CommandFailure(
      .failed,
      "\(kernel.title) does not answer and has no heartbeat: it hangs, or somebody stopped it; see fleet logs "
        + "\(kernel.title), or start it again without its variables by fleet restart \(kernel.title)")
  }

  /// - Parameter rest: what becomes of the code.
  private func givenUp(_ rest: String) -> CommandFailure {
    // Another Ctrl-C must not end us before the kernel was told.
    signal(SIGINT, SIG_IGN)
    return CommandFailure(.interrupted, "gave up waiting for \(kernel.title); \(rest)")
  }

  /// Between two pieces of code the kernel may have ended, or have been started again by somebody else. Its port may even
  /// be another kernel's by now. A host that does not answer keeps nobody from the kernel.
  private func lookAgain() throws {
    let breaks = try client.countBreaks()
    if breaks == knownBreaks { return }
    let before = kernel.restarts
    guard try refresh() else { return }
    if ["backoff", "starting", "stopping"].contains(kernel.status) { try waitForReturn() }
    knownBreaks = try client.countBreaks()
    if kernel.restarts != before {
      Output.note("\(kernel.title) was started again meanwhile; its variables are gone")
    }
  }

  /// Looks at the kernel again.
  /// - Returns: false if no host can say what it is like.
  /// - Throws: if it is gone, or dead.
  private func refresh() throws(CommandFailure) -> Bool {
    do throws(FleetClientError) {
      guard let document = try access.client.kernel(kernel.uuid)["kernel"] else { return false }
      kernel = KernelDocument(document)
    } catch {
      guard error.code == "kernel_not_found" else { return false }
      throw CommandFailure(.failed, "\(kernel.title) was stopped meanwhile; fleet list shows what runs")
    }
    try Self.check(kernel)
    return true
  }

  enum Outcome {
    case ok
    case failed(KernelException)
    case aborted
    /// The code ended the session by itself, such as by `os.exit(3)`.
    case exited(code: Int32)
    case kernelEnded(Ending)
  }

  /// How the kernel's process ended before the code did; nil if nobody knows.
  struct Ending {
    var code: Int?
    var reason: String?
    /// The code ran; if not, that of others did.
    var hasBegun: Bool
    /// Somebody stopped it for good.
    var isGone = false

    /// For people: `alice ended while it ran the code (killed by SIGKILL)`.
    func sentence(_ title: String) -> String {
      let words = reason.map { " (\($0))" } ?? (isGone ? ": somebody stopped it" : "")
      return "\(title) ended \(hasBegun ? "while it ran the code" : "before it came to the code")\(words)"
    }
  }

  /// Runs code; Ctrl-C meanwhile interrupts it.
  /// - Parameter input: answers the kernel's questions.
  func run(
    _ request: ExecuteRequest, input: KernelClient.InputHandler?, onOutput: (KernelOutput) -> Void
  ) throws -> Outcome {
    try lookAgain()
    for _ in 0..<10 {
      var hasRun = false
      let outcome = try runOnce(Self.keepingKernel(request), input) { output in
        if output.isInput { hasRun = true }
        onOutput(output)
      }
      guard case .aborted = outcome, !hasRun, !Interruption.happened else { return outcome }
      // Somebody else's code had failed, and some kernels then run nothing for a moment.
      usleep(50_000)
    }
    return .aborted
  }

  private func runOnce(
    _ request: ExecuteRequest, _ input: KernelClient.InputHandler?, _ onOutput: (KernelOutput) -> Void
  ) throws -> Outcome {
    // Until the kernel begins with it: before that, it may run the code of others.
    let progress = Progress(
      "waiting for \(kernel.title)",
      afterInterrupt: "\(kernel.title) will be told when it comes to the code; Ctrl-C again gives up")
    defer { progress.end() }
    var (hasBegun, isCut) = (false, false)
    defer { if isCut { Output.note("what was printed around Ctrl-C is not all shown") } }
    do {
      let reply = try Interruption.forwarding(to: client) {
        try client.execute(
          request,
          onOutput: {
            progress.end()
            hasBegun = true
            // A slow terminal would show for long what was printed before the code was stopped.
            if client.isCatchingUp, isCut || Output.isTerminal, case .stream = $0 {
              isCut = true
              return
            }
            onOutput($0)
            if Output.wasCut() { isCut = true }
          }, onInput: input)
      }
      return Outcome(reply)
    } catch KernelClientError.disconnected {
      return .kernelEnded(ending(hasBegun: hasBegun))
    } catch KernelClientError.interrupted {
      progress.end()
      throw givenUp(hasBegun ? "it was told to stop the code" : "it runs the code all the same when its turn comes")
    } catch KernelClientError.timedOut {
      throw hangs()
    }
  }

  /// Tells a Lua kernel that `os.exit` ends the code and not the kernel, which others may use; Python's `sys.exit` is
  /// an error that does the same.
  private static func keepingKernel(_ request: ExecuteRequest) -> ExecuteRequest {
    var request = request
    var fleet = request.metadata["fleet"]?.object ?? [:]
    fleet["keep_kernel"] = true
    request.metadata["fleet"] = .object(fleet)
    return request
  }

  /// Waits until a kernel that ended answers again, if its host starts it again.
  /// - Parameter message: what to say if not.
  func awaitRestart(else message: String) throws {
    guard let document = try? access.client.kernel(kernel.uuid)["kernel"], !KernelDocument(document).isDead else {
      throw CommandFailure(.failed, message)  // dead, removed, or no host there that would start it
    }
    try waitForReturn()
    knownBreaks = try client.countBreaks()
  }

  private func waitForReturn() throws {
    try waitUntilReady()
    _ = try refresh()
  }

  /// How the kernel ended, which its host learns a moment after us.
  private func ending(hasBegun: Bool) -> Ending {
    let deadline = ContinuousClock.now + .seconds(2)
    let restarts = kernel.restarts
    while ContinuousClock.now < deadline {
      do throws(FleetClientError) {
        guard let document = try access.client.kernel(kernel.uuid)["kernel"] else { break }
        let now = KernelDocument(document)
        if now.exitReason != nil, now.isDead || now.status == "backoff" || now.restarts != restarts {
          return now.wasRestarted
            ? Ending(reason: "somebody restarted it", hasBegun: hasBegun)
            : Ending(code: now.exitCode, reason: now.exitReason, hasBegun: hasBegun)
        }
      } catch {
        return Ending(hasBegun: hasBegun, isGone: error.code == "kernel_not_found")
      }
      usleep(20_000)
    }
    return Ending(hasBegun: hasBegun)
  }
}

extension KernelOutput {
  /// The kernel has begun with the code.
  fileprivate var isInput: Bool {
    if case .input = self { true } else { false }
  }
}

extension KernelSession.Outcome {
  /// For documents. Code that called `os.exit` was successful as an execution.
  var word: String {
    switch self {
    case .ok, .exited: "ok"
    case .failed: "error"
    case .aborted: "aborted"
    case .kernelEnded: "kernel_ended"
    }
  }

  fileprivate init(_ reply: ExecuteReply) {
    switch reply.outcome {
    case .aborted: self = .aborted
    case .ok:
      // What `os.exit` of the Lua kernel and `quit` of IPython answer; only the former tells a code.
      let farewell = reply.content["payload"]?.array?.first { $0["source"] == "ask_exit" }
      self = farewell.map { .exited(code: Self.code($0["code"]?.int ?? 0)) } ?? .ok
    case .error(let exception):
      guard exception.name == "SystemExit" else {
        self = .failed(exception)
        return
      }
      // As the python command does: no value is success, a number is itself, anything else is a failure.
      let isSuccess = ["", "None", "False"].contains(exception.value)
      self = .exited(code: isSuccess ? 0 : Self.code(Int64(exception.value) ?? 1))
    }
  }

  private static func code(_ value: Int64) -> Int32 { Int32(truncatingIfNeeded: value & 0xFF) }
}
