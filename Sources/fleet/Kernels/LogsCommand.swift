// logs: what a kernel wrote to its standard output and standard error.
import ArgumentParser
import FleetClient
import FleetConfiguration
import Glibc
import JSON

struct LogsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "logs", abstract: "Print a kernel's log.")

  @OptionGroup var argument: KernelArgument

  @Flag(name: .shortAndLong, help: "Go on as the log grows, until Ctrl-C.")
  var follow = false

  @Option(name: [.short, .customLong("lines")], parsing: .unconditional, help: "How many of its last lines.")
  var number = 100

  @OptionGroup var jsonOption: JSONOption
  @OptionGroup var directoryOptions: DirectoryOptions

  func validate() throws {
    guard (0...10_000).contains(number) else { throw ValidationError("-n \(number): it goes from 0 to 10000") }
    if follow && jsonOption.json { throw ValidationError("--follow and --json do not go together") }
  }

  func run() throws {
    let access = try HostAccess(directoryOptions)
    guard follow else {
      let document = try access.ask(about: argument.kernel) { client throws(FleetClientError) in
        try client.logs(argument.kernel, lines: number)
      }
      if jsonOption.json { return Output.json(document) }
      for line in document["lines"]?.array ?? [] { Output.line(line.string ?? "") }
      return
    }
    let kernel = try access.kernel(argument.kernel)
    var follower = try LogFollower(path: kernel.logFile)
    follower.showLast(number)
    try follower.follow { (try? access.client.kernel(kernel.uuid)) != nil }  // no host: the log may go on
  }
}

/// Follows a log file through its rotations, woken by inotify.
struct LogFollower {
  private let path: String
  private var descriptor: Int32
  private let watch: Int32

  init(path: String) throws {
    self.path = path
    watch = inotify_init1(Int32(IN_CLOEXEC))
    let directory = FilePath.directory(of: path)
    let events = UInt32(IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE)
    guard watch >= 0, inotify_add_watch(watch, directory, events) >= 0 else {
      throw CommandFailure(.failed, "cannot watch \(directory): \(String(cString: strerror(errno)))")
    }
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
  }

  /// Begins with the last lines of the file, and of nothing older.
  mutating func showLast(_ count: Int) {
    guard descriptor >= 0 else { return }
    let end = lseek(descriptor, 0, SEEK_END)
    var start = end
    var lines = 0
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    search: while start > 0 {
      let size = min(start, off_t(chunk.count))
      guard pread(descriptor, &chunk, Int(size), start - size) == Int(size) else { break }
      for index in stride(from: Int(size) - 1, through: 0, by: -1) where chunk[index] == UInt8(ascii: "\n") {
        // The line end at the very end of the file ends the last line and begins none.
        if start - size + off_t(index) + 1 == end { continue }
        lines += 1
        if lines == count {
          start = start - size + off_t(index) + 1
          break search
        }
      }
      start -= size
    }
    lseek(descriptor, count == 0 ? end : start, SEEK_SET)
    drain()
  }

  /// Prints what is added until the file is gone and its kernel too.
  mutating func follow(whileThereIs exists: () -> Bool) throws {
    var events = [UInt8](repeating: 0, count: 4096)
    while true {
      drain()
      if hasBeenReplaced {
        drain()
        if descriptor >= 0 { close(descriptor) }
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor >= 0 { continue }
        guard exists() else { return }
      }
      // Until anything in the directory changes; which file it was does not matter. A kernel that goes with its log
      // may be gone only a moment after it, and nothing in the directory tells.
      var entry = pollfd(fd: watch, events: Int16(POLLIN), revents: 0)
      if poll(&entry, 1, descriptor >= 0 ? -1 : 500) > 0 { _ = read(watch, &events, events.count) }
    }
  }

  /// Whether the path leads to another file now, or to none.
  private var hasBeenReplaced: Bool {
    var open = stat()
    var named = stat()
    guard descriptor >= 0, fstat(descriptor, &open) == 0, stat(path, &named) == 0 else { return true }
    return open.st_ino != named.st_ino || open.st_dev != named.st_dev
  }

  private func drain() {
    guard descriptor >= 0 else { return }
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return }
      Output.write(bytes: chunk[..<count])
    }
  }
}
