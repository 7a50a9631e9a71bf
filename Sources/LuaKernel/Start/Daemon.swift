// --daemon: starts the kernel again in the background, and waits until it answers.
import FleetConfiguration
import Glibc
import JupyterProtocol

/// What a kernel in the background tells the process that started it.
enum StartReport {
  /// The descriptor on which a kernel in the background reports.
  static let descriptor: Int32 = 3
  static let variable = "FLEET_KERNEL_REPORT"

  /// Sends one line and closes the descriptor; nothing if nobody waits for it.
  static func send(_ line: String) {
    guard FilePath.environment(variable) != nil else { return }
    unsetenv(variable)
    let bytes = Array((line + "\n").utf8)
    // Shorter than a pipe's atomic size; if the starter is gone, nobody misses it.
    _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, min($0.count, Int(PIPE_BUF))) }
    close(descriptor)
  }
}

struct Daemon {
  let arguments: [String]
  let options: KernelOptions

  /// `POSIX_SPAWN_SETSID`, which glibc shows to GNU sources only.
  private static let setSession: Int16 = 0x80

  /// How long a kernel may take from its ports being bound to its first answer.
  private static let patience = Duration.seconds(30)

  /// - Returns: what to print: the kernel's id, pid and connection file.
  /// - Throws: `UsageError` with the reason why there is no kernel.
  func start() throws(UsageError) -> String {
    let (pid, reading) = try launch()
    defer { close(reading) }
    let report = Daemon.firstLine(of: reading)
    guard report.hasPrefix("ready "), let path = report.split(separator: " ", maxSplits: 1).last.map(String.init) else {
      throw UsageError(report.isEmpty ? "the kernel ended as it started (\(Daemon.end(of: pid)))" : report)
    }
    do {
      let client = try KernelClient(try ConnectionFile(reading: path), reconnect: .eager)
      _ = try client.kernelInfo(timeout: Daemon.patience)
    } catch {
      kill(pid, SIGTERM)
      throw UsageError("the kernel started, but \(error)")
    }
    return "\(path) (pid \(pid))"
  }

  /// A new process rather than a fork, whose threads would be missing; in a session of its own.
  private func launch() throws(UsageError) -> (pid: pid_t, reading: Int32) {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw Daemon.failure("make a pipe") }
    // No other thread runs yet that could start a process in between.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
    // To itself would leave close-on-exec set.
    if ends[1] == StartReport.descriptor { ends[1] = fcntl(ends[1], F_DUPFD_CLOEXEC, 10) }
    posix_spawn_file_actions_adddup2(&actions, ends[1], StartReport.descriptor)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setflags(&attributes, Daemon.setSession)

    setenv(StartReport.variable, "1", 1)
    let words = [Installation.current.executable] + arguments.filter { $0 != "--daemon" }
    var pointers = words.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    var pid = pid_t()
    let code = posix_spawn(&pid, words[0], &actions, &attributes, &pointers, environ)
    close(ends[1])
    guard code == 0 else {
      close(ends[0])
      errno = code
      throw Daemon.failure("start \(words[0])")
    }
    return (pid, ends[0])
  }

  private static func firstLine(of descriptor: Int32) -> String {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1024)
    while !bytes.contains(UInt8(ascii: "\n")) {
      let count = read(descriptor, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { break }
      bytes += chunk[..<count]
    }
    return String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
  }

  private static func end(of pid: pid_t) -> String {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) == -1 && errno == EINTR {}
    return status & 0x7F == 0 ? "exit code \(status >> 8 & 0xFF)" : "signal \(status & 0x7F)"
  }

  private static func failure(_ action: String) -> UsageError {
    UsageError("cannot \(action): \(String(cString: strerror(errno)))")
  }
}
