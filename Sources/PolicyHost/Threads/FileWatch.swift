// Tells when files change: by inotify on their directories, because editors replace files instead of writing them.

import Glibc
import LuaRuntime
import Synchronization

/// Watches files on a thread of its own, which also does what is asked of it later.
final class FileWatch: Sendable {
  /// An editor makes several changes in a row; the last one counts.
  private static let settle: Int64 = 30_000_000

  private struct State {
    var isEnded = false
    /// Watch descriptors and their directories.
    var directories: [Int32: String] = [:]
    var calls: [(due: Int64, call: @Sendable () -> Void)] = []
  }

  /// Why no change will be seen, if so: a user may have only so many of them. What is asked of it later is done anyway.
  let blindness: String?
  private let notify: Int32
  /// The two ends of a pipe.
  private let wakeup: (read: Int32, write: Int32)
  private let changed: @Sendable (String) -> Void
  private let state = Mutex(State())

  /// - Parameter changed: is called on the watch's thread with the path of a file in a watched directory.
  init(_ changed: @escaping @Sendable (_ path: String) -> Void) throws(PolicyError) {
    self.changed = changed
    notify = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
    blindness = notify >= 0 ? nil : String(cString: strerror(errno))
    var ends: [Int32] = [-1, -1]
    let isMade = pipe(&ends) == 0
    for end in ends where end >= 0 {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    wakeup = (ends[0], ends[1])
    guard isMade else {
      throw PolicyError("files cannot be watched: \(String(cString: strerror(errno)))")
    }
    do throws(LuaError) { try LuaThread.start(name: "policy-watch") { self.run() } } catch {
      throw PolicyError(error.message)
    }
  }

  deinit {
    close(notify)
    close(wakeup.read)
    close(wakeup.write)
  }

  /// Watches the directory of a file; nothing if there is no such directory.
  func add(_ path: String) {
    let directory = Self.directory(of: path)
    let mask = UInt32(IN_CLOSE_WRITE) | UInt32(IN_MOVED_TO) | UInt32(IN_CREATE) | UInt32(IN_DELETE)
    let watch = inotify_add_watch(notify, directory, mask)
    if watch >= 0 { state.withLock { $0.directories[watch] = directory } }
  }

  /// Calls on the watch's thread after so many nanoseconds.
  func later(_ delay: Int64, _ call: @escaping @Sendable () -> Void) {
    state.withLock { $0.calls.append((luaNow() + delay, call)) }
    wake()
  }

  func end() {
    state.withLock { $0.isEnded = true }
    wake()
  }

  /// A full pipe wakes it, too.
  private func wake() { _ = write(wakeup.write, "!", 1) }

  private static func directory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  // MARK: - On its thread

  private func run() {
    var settling: [String: Int64] = [:]
    while !state.withLock(\.isEnded) {
      waitForNews(
        until: [settling.values.min(), state.withLock { $0.calls.map(\.due).min() }].compactMap(\.self).min())
      let now = luaNow()
      for path in readEvents() { settling[path] = now + Self.settle }
      for path in settling.filter({ $0.value <= now }).keys.sorted() {
        settling[path] = nil
        changed(path)
      }
      let due = state.withLock { state in
        let due = state.calls.filter { $0.due <= now }
        state.calls.removeAll { $0.due <= now }
        return due
      }
      for (_, call) in due { call() }
    }
  }

  private func waitForNews(until moment: Int64?) {
    var polled = [notify, wakeup.read].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    let milliseconds = moment.map { Int32(clamping: max(0, ($0 - luaNow() + 999_999) / 1_000_000)) } ?? -1
    poll(&polled, nfds_t(polled.count), milliseconds)
    withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
      while read(wakeup.read, buffer.baseAddress, buffer.count) > 0 {}
    }
  }

  /// Paths that something happened to.
  private func readEvents() -> Set<String> {
    var paths: Set<String> = []
    let directories = state.withLock(\.directories)
    withUnsafeTemporaryAllocation(byteCount: 16 << 10, alignment: 8) { buffer in
      while true {
        let count = read(notify, buffer.baseAddress, buffer.count)
        if count <= 0 { return }
        var at = 0
        while at < count {
          let event = buffer.load(fromByteOffset: at, as: inotify_event.self)
          let first = at + MemoryLayout<inotify_event>.size
          let name = buffer[first..<first + Int(event.len)].prefix { $0 != 0 }
          if let directory = directories[event.wd] {
            paths.insert("\(directory)/\(String(decoding: name, as: UTF8.self))")
          }
          at = first + Int(event.len)
        }
      }
    }
    return paths
  }
}
