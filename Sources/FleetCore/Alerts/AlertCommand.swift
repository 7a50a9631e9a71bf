// A program that is told of alerts: JSON on its standard input, in a session of its own, for a bounded time.
import FleetEngine
import Glibc

struct AlertCommand: Sendable {
  let arguments: [String]
  let environment: [String: String]

  /// Blocks until the program has ended; one that takes too long is killed with what it started.
  func run(_ input: [UInt8], within limit: Duration) throws(DeliveryFailure) {
    let file = try Self.file(holding: input)
    defer { close(file) }
    let pid = try spawn(input: file)
    let handle: ProcessHandle
    do throws(SystemError) { handle = try ProcessHandle(pid: pid) } catch {
      kill(-pid, SIGKILL)
      throw DeliveryFailure(reason: "\(error)")
    }
    var entry = pollfd(fd: handle.descriptor, events: Int16(POLLIN), revents: 0)
    if poll(&entry, 1, Int32(clamping: limit.nanoseconds / 1_000_000)) == 0 {
      // Nobody else can have the pid before it is reaped.
      kill(-pid, SIGKILL)
      poll(&entry, 1, -1)
      _ = handle.reap()
      throw DeliveryFailure(reason: "it did not end within \(limit.seconds) s")
    }
    switch handle.reap() {
    case .exited(0): return
    case .exited(let code): throw DeliveryFailure(reason: "it exited with code \(code)")
    case .signaled(let signal):
      throw DeliveryFailure(reason: "it was killed by \(ExitInfo.name(ofSignal: Int(signal)))")
    case .unknown, nil: throw DeliveryFailure(reason: "how it ended is not known")
    }
  }

  /// A file without a name, so that a program that reads nothing blocks nobody.
  private static func file(holding bytes: [UInt8]) throws(DeliveryFailure) -> Int32 {
    var template = Array("/tmp/fleet-alert-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else {
      throw DeliveryFailure(reason: "cannot make a file for it: \(KernelFiles.errorText())")
    }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    unlink(template)
    guard pwrite(descriptor, bytes, bytes.count, 0) == bytes.count else {
      close(descriptor)
      throw DeliveryFailure(reason: "cannot write a file for it: \(KernelFiles.errorText())")
    }
    return descriptor
  }

  /// What it prints goes where the host's log goes.
  private func spawn(input: Int32) throws(DeliveryFailure) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigdefault(&attributes, &all)
    // The header hides POSIX_SPAWN_SETSID.
    let setsid: Int32 = 0x80
    posix_spawnattr_setflags(&attributes, Int16(setsid | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    let vector = arguments.map { strdup($0) } + [nil]
    let variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for pointer in vector + variables { free(pointer) } }
    var pid: pid_t = 0
    let code = posix_spawnp(&pid, arguments[0], &actions, &attributes, vector, variables)
    guard code == 0 else {
      throw DeliveryFailure(reason: "it cannot be started: \(SystemError.text(of: code))", mayPass: false)
    }
    return pid
  }
}
