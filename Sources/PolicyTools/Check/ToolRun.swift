// Another program, run to its end.

import Glibc

/// What a program wrote to its standard output, and how it ended.
struct ToolRun {
  let output: String
  /// As shells have it: 128 and the number for a signal.
  let code: Int32

  var firstLine: String { output.split(separator: "\n").first.map(String.init) ?? "it said nothing" }

  /// More is not read.
  private static let most = 4 << 20

  /// - Parameter arguments: the path of the program first.
  /// - Throws: `ToolError` if it cannot be started.
  init(_ arguments: [String]) throws(ToolError) {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw Self.failure(arguments[0], errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer { close(ends[0]) }
    let child: pid_t
    do throws(ToolError) { child = try Self.start(arguments, output: ends[1]) } catch {
      close(ends[1])
      throw error
    }
    close(ends[1])
    output = String(decoding: Self.read(ends[0]), as: UTF8.self)
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 && errno == EINTR {}
    code = status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + status & 0x7F
  }

  private static func start(_ arguments: [String], output: Int32) throws(ToolError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    let vector = arguments.map { strdup($0) } + [nil]
    defer { for pointer in vector { free(pointer) } }
    var child: pid_t = 0
    let error = posix_spawn(&child, arguments[0], &actions, nil, vector, environ)
    guard error == 0 else { throw failure(arguments[0], error) }
    return child
  }

  /// To the end, so that the program is not held up by a full pipe.
  private static func read(_ descriptor: Int32) -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count > 0, bytes.count < most { bytes += buffer[..<count] }
      if count == 0 || count < 0 && errno != EINTR { return bytes }
    }
  }

  private static func failure(_ program: String, _ code: Int32) -> ToolError {
    ToolError("\(program) cannot be started: \(String(cString: strerror(code)))")
  }
}
