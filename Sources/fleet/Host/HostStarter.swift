// Starting a host in the background, by this program itself.
import FleetClient
import FleetConfiguration
// Preconcurrency, for `environ`: nothing of this program changes its environment once its threads run.
@preconcurrency import Glibc

struct HostStarter {
  let directory: FleetDirectory
  /// Absolute; nil lets the host find its configuration.
  var configurationFile: String?
  var http: HTTPOption?

  enum Outcome {
    case started(pid: Int32)
    /// Somebody else was faster; theirs answers.
    case alreadyRunning(pid: Int32)
  }

  /// Longer than a host takes to adopt hundreds of kernels.
  private static let patience = Duration.seconds(60)

  init(directory: FleetDirectory, configurationFile: String? = nil, http: HTTPOption? = nil) {
    self.directory = directory
    self.configurationFile = configurationFile
    self.http = http
  }

  /// Starts `fleet up --foreground` in a session of its own and waits until a host answers, ours or a faster one.
  /// - Throws: `CommandFailure` with the host's own last words and exit code if it ends instead.
  func start() throws -> Outcome {
    try directory.prepare()
    let log = try openLog()
    defer { close(log.descriptor) }
    var child = try spawn(log: log.descriptor)
    let client = FleetClient(socketPath: directory.socket)
    let deadline = ContinuousClock.now + Self.patience
    var hasLost = false
    var pause: UInt32 = 1000
    while true {
      if let pid = try answer(client) { return pid == child ? .started(pid: pid) : .alreadyRunning(pid: pid) }
      if !hasLost, let code = Self.exitCode(of: child) {
        // Who loses the race for the directory waits for the winner's host.
        guard code == ExitStatus.alreadyRunning.rawValue else {
          throw CommandFailure(code: code, "the host did not start: \(lastWords(since: log.size))")
        }
        hasLost = true
      }
      // It lost against a host that was leaving: now the directory is free.
      if hasLost, isFree() {
        child = try spawn(log: log.descriptor)
        hasLost = false
      }
      guard ContinuousClock.now < deadline else {
        throw CommandFailure(.unreachable, "the host does not answer after 60 s; see \(directory.logFile)")
      }
      usleep(pause)
      pause = min(pause * 2, 20_000)
    }
  }

  /// Whether no host has the directory, so that nobody will answer.
  private func isFree() -> Bool {
    let descriptor = open(directory.pidFile, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return flock(descriptor, LOCK_EX | LOCK_NB) == 0
  }

  /// The pid of the host that answers; nil while none does.
  private func answer(_ client: FleetClient) throws -> Int32? {
    do {
      return try client.health(timeout: .seconds(5))["pid"]?.int.flatMap(Int32.init(exactly:)) ?? 0
    } catch {
      switch error {
      case .hostUnreachable, .connectionLost, .timedOut: return nil
      case .malformedReply, .refused: throw error
      }
    }
  }

  private func openLog() throws -> (descriptor: Int32, size: off_t) {
    let descriptor = open(directory.logFile, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else {
      throw CommandFailure(.failed, "cannot write \(directory.logFile): \(String(cString: strerror(errno)))")
    }
    return (descriptor, lseek(descriptor, 0, SEEK_END))
  }

  private func spawn(log: Int32) throws -> pid_t {
    let executable = Installation.current.executable
    var arguments = [executable, "up", "--foreground", "--fleet-dir", directory.path]
    if let configurationFile { arguments += ["--config", configurationFile] }
    if let http { arguments += ["--http", http.text] }

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, log, STDOUT_FILENO)
    posix_spawn_file_actions_adddup2(&actions, log, STDERR_FILENO)
    keepInheritedDescriptors()

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigdefault(&attributes, &all)
    // A session of its own, so that no terminal's end or Ctrl-C reaches it. (The header hides POSIX_SPAWN_SETSID.)
    let setsid: Int32 = 0x80
    posix_spawnattr_setflags(&attributes, Int16(setsid | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

    var pid: pid_t = 0
    let vector = arguments.map { strdup($0) } + [nil]
    defer { for pointer in vector { free(pointer) } }
    let code = posix_spawn(&pid, executable, &actions, &attributes, vector, environ)
    guard code == 0 else {
      throw CommandFailure(.failed, "cannot start \(executable): \(String(cString: strerror(code)))")
    }
    return pid
  }

  /// What a shell or make left open in us would otherwise stay open as long as the host runs.
  private func keepInheritedDescriptors() {
    guard let stream = opendir("/proc/self/fd") else { return }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if let descriptor = Int32(name), descriptor > STDERR_FILENO { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    }
  }

  /// Reaps the child if it has ended; a signal counts as in shells.
  private static func exitCode(of child: pid_t) -> Int32? {
    var status: Int32 = 0
    guard waitpid(child, &status, WNOHANG) == child else { return nil }
    let signal = status & 0x7F
    return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
  }

  /// The host's complaint, which is its last line.
  private func lastWords(since offset: off_t) -> String {
    let descriptor = open(directory.logFile, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "see \(directory.logFile)" }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 16 << 10)
    let end = lseek(descriptor, 0, SEEK_END)
    let count = pread(descriptor, &bytes, bytes.count, max(offset, end - off_t(bytes.count)))
    let text = String(decoding: bytes[..<max(0, count)], as: UTF8.self)
    guard let line = text.split(separator: "\n").last else { return "it said nothing; see \(directory.logFile)" }
    return line.hasPrefix("fleet: ") ? String(line.dropFirst("fleet: ".count)) : "\(line) (see \(directory.logFile))"
  }
}
