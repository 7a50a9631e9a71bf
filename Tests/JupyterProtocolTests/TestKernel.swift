// A kernel in this process: a KernelServer on a thread of its own that understands a few words instead of a language.
import Glibc
import JSON
import Synchronization

@testable import JupyterProtocol

/// Understands `print TEXT`, `stderr TEXT`, `value TEXT`, `error TEXT`, `ask PROMPT`, `flood COUNT`, `burst COUNT`,
/// `endless` and `wait`, which end by an interrupt, and `quit`, which ends the kernel without a reply.
final class TestKernel: Sendable {
  let connection: ConnectionFile
  private let thread: SystemThread
  private let wakeup: Wakeup
  private let isStopping = Atomic<Bool>(false)
  let problems: Problems
  private let interruptCount: Count
  var interrupts: Int { interruptCount.value.load(ordering: .acquiring) }

  final class Problems: Sendable {
    let seen = Mutex<[MessageError]>([])
  }

  private final class Count: Sendable {
    let value = Atomic<Int>(0)
  }

  /// Where the parts that the new thread makes are handed over.
  private final class Start: Sendable {
    let result = Mutex<Result<(ConnectionFile, Wakeup), ZMQError>?>(nil)
    let stop = Mutex<(@Sendable () -> Bool)?>(nil)
  }

  /// - Parameter interruptTakes: milliseconds before an interrupt is carried out; below 0 it is not even answered.
  init(
    _ requested: ConnectionFile = .make(basePort: 0, key: UniqueID.key()), id: String = "test",
    interruptTakes: Int32 = 0
  ) throws {
    let start = Start()
    let problems = Problems()
    let interrupts = Count()
    self.problems = problems
    interruptCount = interrupts
    thread = try SystemThread.start(name: "test-kernel") {
      do throws(ZMQError) {
        let server = try KernelServer(requested, kernelID: id) { _, error in
          problems.seen.withLock { $0.append(error) }
        }
        let wakeup = server.wakeup
        try server.start { request in
          switch request.type {
          case "interrupt_request":
            if interruptTakes < 0 { return nil }
            poll(nil, 0, interruptTakes)
            interrupts.value.add(1, ordering: .releasing)
            wakeup.signal()
            return .init("interrupt_reply", ["status": "ok"])
          case "shutdown_request": return .init("shutdown_reply", ["status": "ok", "restart": false])
          default: return nil
          }
        }
        start.result.withLock { $0 = .success((server.connection, server.wakeup)) }
        try TestKernel.serve(server) { start.stop.withLock { $0?() ?? false } }
        server.stop()
      } catch {
        start.result.withLock { $0 = .failure(error) }
      }
    }
    var made: Result<(ConnectionFile, Wakeup), ZMQError>?
    try eventually("the test kernel has bound its ports") {
      made = start.result.withLock { $0 }
      return made != nil
    }
    guard let made else { throw TestFailure(description: "no test kernel") }
    (connection, wakeup) = try made.get()
    start.stop.withLock { $0 = { [isStopping = Stopping(self)] in isStopping.value } }
  }

  private struct Stopping: Sendable {
    weak var kernel: TestKernel?

    init(_ kernel: TestKernel) { self.kernel = kernel }

    var value: Bool { kernel?.isStopping.load(ordering: .acquiring) ?? true }
  }

  func stop() {
    isStopping.store(true, ordering: .releasing)
    wakeup.signal()
    thread.join()
  }

  private static func serve(_ server: KernelServer, isStopping: () -> Bool) throws(ZMQError) {
    var count = 0
    while !isStopping() {
      switch try server.receive() {
      case .woken: break
      case .timedOut: break
      case .request(let request, _):
        server.publisher.status(.busy, parent: request.header)
        switch request.type {
        case "kernel_info_request":
          try server.reply(.init("kernel_info_reply", ["status": "ok", "implementation": "test"]), to: request)
        case "execute_request":
          if request.content["code"] == "quit" { return }
          count += 1
          try execute(request, count, server)
        default: break
        }
        server.publisher.status(.idle, parent: request.header)
      }
    }
  }

  private static func execute(
    _ request: JupyterMessage, _ count: Int, _ server: KernelServer
  ) throws(ZMQError) {
    let code = request.content["code"]?.string ?? ""
    let word = String(code.prefix { $0 != " " })
    let rest = String(code.dropFirst(word.count + 1))
    var reply: JSON = ["status": "ok", "execution_count": JSON(count), "user_expressions": [:], "payload": []]
    switch word {
    case "print", "stderr": write(rest, word == "print" ? "stdout" : "stderr", request, server)
    case "flood": for line in 0..<(Int(rest) ?? 0) { write("line \(line)\n", "stdout", request, server) }
    case "burst":
      let line = String(repeating: "x", count: 16383) + "\n"
      for _ in 0..<(Int(rest) ?? 0) { write(line, "stdout", request, server) }
    case "value":
      let content: JSON = ["data": ["text/plain": .string(rest)], "metadata": [:], "execution_count": JSON(count)]
      server.publisher.publish("execute_result", parent: request.header, content: content.encoded())
    case "endless":
      while try server.receive(until: .now) != .woken {
        write("again\n", "stdout", request, server)
        server.publisher.flush()
      }
    case "ask":
      if case .text(let answer) = try server.input(prompt: rest, for: request) {
        write(answer, "stdout", request, server)
      }
    case "wait":
      while try server.receive() != .woken {}
      fallthrough
    default:
      let error: JSON = ["ename": "Error", "evalue": .string(rest), "traceback": ["line 1"]]
      server.publisher.publish("error", parent: request.header, content: error.encoded())
      reply["status"] = "error"
      for (name, value) in error.object ?? [:] { reply[name] = value }
    }
    server.publisher.flush()
    try server.reply(.init("execute_reply", reply), to: request)
  }

  private static func write(_ text: String, _ stream: String, _ request: JupyterMessage, _ server: KernelServer) {
    Array(text.utf8).withUnsafeBytes { server.publisher.write($0, stream: stream, parent: request.header) }
  }
}

extension KernelEvent: Equatable {
  public static func == (left: KernelEvent, right: KernelEvent) -> Bool {
    switch (left, right) {
    case (.woken, .woken), (.timedOut, .timedOut): true
    default: false
    }
  }
}
