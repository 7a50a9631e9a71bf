// Executing code: outputs as they come, input when it is asked for, until the kernel is idle again.
import JSON

extension KernelClient {
  /// Answers a kernel's question for a line. Nil means end of input, or that `interruption` was signalled meanwhile, or
  /// that nobody waits for the answer any more (`isStillAsked`).
  public typealias InputHandler = (_ prompt: String, _ isPassword: Bool) -> String?

  /// How long the kernel's idle status may take after the reply, before the outputs count as complete without it.
  private static let patienceForIdle = Duration.seconds(5)

  /// How long the answer to an interrupt may take once the execution has ended. Deno's kernel has none.
  private static let patienceForInterrupt = Duration.seconds(1)

  /// So many outputs are taken at a time, and none before an interrupt: it does not wait until a flood is over.
  private static let outputsInARow = 64

  /// Executes code and waits until the kernel has said everything about it.
  ///
  /// Signalling `interruption` meanwhile stops the code, which then ends with an error; a second time, it gives up
  /// waiting for that. Before the kernel has begun with this code it may run that of others, which is not stopped: the
  /// interrupt waits for its turn. Nor does it reach what is executed next: this returns once the kernel has answered
  /// it, and a signal that comes too late to be sent is dropped.
  /// - Parameters:
  ///   - timeout: nil waits for as long as the kernel lives.
  ///   - onOutput: called for each message on iopub that belongs to this request, in order.
  ///   - onInput: answers questions; without it, the kernel is told that there is no input.
  public func execute(
    _ request: ExecuteRequest, timeout: Duration? = nil, onOutput: (KernelOutput) -> Void = { _ in },
    onInput: InputHandler? = nil
  ) throws(KernelClientError) -> ExecuteReply {
    let deadline = timeout.map { MonotonicTime.after($0) }
    try forgetDisconnections()
    if !hasOutputs { try waitForOutputs(until: deadline) }
    let header = session.header("execute_request")
    let content = request.content(allowStdin: onInput != nil)
    try send(header, content, on: shell, metadata: request.metadata)

    isCatchingUp = false
    defer { interruption.clear() }
    var waiting = Waiting(self, for: [shell, iopub, stdin], interruption: .holdBack)
    var reply: ExecuteReply?
    var isIdle = false
    var limit = deadline
    let earlierBreaks = breaks
    func takeOutputs() throws(KernelClientError) {
      for _ in 0..<KernelClient.outputsInARow {
        if interruption.isPending { return }
        guard let message = try next(on: iopub) else {
          isCatchingUp = false
          return
        }
        guard message.parent?.id == header.id else { continue }
        let output = KernelOutput(message)
        if output == .status("idle") { isIdle = true }
        if output == .status("busy") { try waiting.forwardFromNowOn() }
        onOutput(output)
        if reply != nil { limit = .after(KernelClient.patienceForIdle) }
      }
    }
    func takeReply() throws(KernelClientError) {
      while let message = try next(on: shell) {
        guard message.parent?.id == header.id, reply == nil else { continue }
        reply = ExecuteReply(message.content)
        limit = .after(KernelClient.patienceForIdle)
      }
    }
    func isStillAsked() throws(KernelClientError) -> Bool {
      try takeOutputs()
      try takeReply()
      return reply == nil && breaks == earlierBreaks && !monitor.canReceive
    }
    while true {
      try takeOutputs()
      while let question = try next(on: stdin) {
        if question.parent?.id == header.id { try answer(question, onInput, isStillAsked) }
      }
      try takeReply()
      // Who presses Ctrl-C while he reads what is left means no code of others.
      if let reply, isIdle || interruption.isPending {
        waiting.awaitAnswer(within: KernelClient.patienceForInterrupt)
        return reply
      }
      // While outputs come, a wait ends at once. Those of code that has ended are all taken, however slowly.
      let isOver = reply == nil && deadline?.isOver ?? false
      guard !isOver, try waiting.wait(until: limit) else {
        if let reply { return reply }
        throw .timedOut(what: "execute_request")
      }
    }
  }

  /// For handlers of input that wait for people: delivers outputs that have come meanwhile, such as those that were said
  /// before the question and came after it.
  /// - Returns: false if what asked has ended: its reply has come, or the kernel is gone.
  public func isStillAsked() -> Bool { isAsking?() ?? false }

  private func answer(
    _ question: JupyterMessage, _ onInput: InputHandler?, _ isStillAsked: () throws(KernelClientError) -> Bool
  ) throws(KernelClientError) {
    let prompt = question.content["prompt"]?.string ?? ""
    let text = withoutActuallyEscaping(isStillAsked) { isStillAsked in
      // What fails now fails again when the answer is sent.
      isAsking = { (try? isStillAsked()) ?? false }
      defer { isAsking = nil }
      return onInput?(prompt, question.content["password"]?.bool ?? false)
    }
    // Whoever is interrupted while he thinks, or asked no more, has not answered.
    if onInput != nil, text == nil {
      if interruption.isPending { return }
      guard try isStillAsked() else { return }
    }
    // The protocol has no end of input; Jupyter's own clients send this control character for it.
    let value = text ?? "\u{4}"
    try send(
      session.header("input_reply"), ["value": .string(value), "status": "ok"], on: stdin, parent: question.header)
  }
}
