// A terminal with `fleet` in it, as a person would have it: keys in, screen out.
import Glibc

@testable import fleet

final class Terminal {
  private let master: Int32
  private let child: pid_t
  private var received = ""
  /// Everything that came, without control sequences.
  private(set) var screen = ""
  private var seen = 0

  /// - Returns: nil if there are no pseudo-terminals here.
  init?(_ arguments: [String], environment: [String]) {
    // As posix_openpt, unlockpt and ptsname do, which the header hides.
    master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
    let unlock: UInt = 0x4004_5431
    let getNumber: UInt = 0x8004_5430
    var isLocked: Int32 = 0
    var number: Int32 = 0
    guard master >= 0, ioctl(master, unlock, &isLocked) == 0, ioctl(master, getNumber, &number) == 0 else { return nil }
    let path = "/dev/pts/\(number)"
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // The first terminal that the leader of a session opens becomes the session's own, and Ctrl-C reaches it.
    posix_spawn_file_actions_addopen(&actions, 0, path, O_RDWR, 0)
    posix_spawn_file_actions_adddup2(&actions, 0, 1)
    posix_spawn_file_actions_adddup2(&actions, 0, 2)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setflags(&attributes, 0x80)  // POSIX_SPAWN_SETSID, which the header hides
    let words = ([FleetProcess.executable] + arguments).map { strdup($0) } + [nil]
    let variables = environment.map { strdup($0) } + [nil]
    defer { for pointer in words + variables { free(pointer) } }
    var pid: pid_t = 0
    guard posix_spawn(&pid, FleetProcess.executable, &actions, &attributes, words, variables) == 0 else { return nil }
    child = pid
  }

  deinit {
    kill(child, SIGKILL)
    waitpid(child, nil, 0)
    close(master)
  }

  func type(_ text: String) { _ = text.withCString { write(master, $0, text.utf8.count) } }

  func pressControl(_ letter: Character) {
    var byte = (letter.asciiValue ?? 0) & 0x1F
    _ = write(master, &byte, 1)
  }

  /// Waits until the text has come since what was waited for last; gives up after ten seconds.
  func wait(for text: String) -> Bool {
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let new = screen.dropFirst(seen)
      if let end = Self.end(of: text, in: new) {
        seen += end
        return true
      }
      var entry = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
      guard poll(&entry, 1, 10_000) > 0 else { return false }
      let count = read(master, &chunk, chunk.count)
      guard count > 0 else { return false }
      // Carriage returns merge with line ends into one character, which would hide what stands between them.
      received += String(decoding: chunk[..<count].filter { $0 != UInt8(ascii: "\r") }, as: UTF8.self)
      screen = Output.plain(received)
    }
  }

  /// The exit code once it has ended.
  func exitCode() -> Int32 {
    while wait(for: "\u{0}") {}  // whatever it still says, up to its end
    var status: Int32 = 0
    waitpid(child, &status, 0)
    return (status >> 8) & 0xFF
  }

  private static func end(of text: String, in screen: Substring) -> Int? {
    var offset = 0
    var rest = screen
    while !rest.isEmpty {
      if rest.hasPrefix(text) { return offset + text.count }
      rest = rest.dropFirst()
      offset += 1
    }
    return nil
  }
}
