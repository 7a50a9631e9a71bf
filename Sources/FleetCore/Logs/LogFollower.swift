// Follows a log while it is written and rotated, woken by inotify.

import Glibc

/// What is written to a log, as pieces of bytes in order. It ends when its task is cancelled. Each piece is read only
/// when it is asked for, so that a slow reader costs no memory.
public struct LogFollower: AsyncSequence, Sendable {
  public typealias Element = [UInt8]

  private let path: String
  private let position: LogPosition?
  private let events: DescriptorEvents

  /// Follows from a position that `LogTail` answered; nil: from the beginning of the present file.
  public init(_ path: String, from position: LogPosition?, events: DescriptorEvents) {
    self.path = path
    self.position = position
    self.events = events
  }

  public func makeAsyncIterator() -> Iterator { Iterator(path: path, position: position, events: events) }

  public struct Iterator: AsyncIteratorProtocol {
    fileprivate let path: String
    fileprivate var position: LogPosition?
    fileprivate let events: DescriptorEvents
    private var file: LogFile?
    private var changes: LogChanges?

    fileprivate init(path: String, position: LogPosition?, events: DescriptorEvents) {
      self.path = path
      self.position = position
      self.events = events
    }

    public mutating func next() async throws(SystemError) -> [UInt8]? {
      if changes == nil { changes = try LogChanges(directoryOf: path) }
      while let changes, !Task.isCancelled {
        // Before looking, so that a change between the look and the wait wakes the wait.
        changes.drain()
        if let bytes = try advance(changes) { return bytes }
        guard try await events.readable(changes.descriptor) == .ready else { return nil }
      }
      return nil
    }

    /// The next bytes, from this file or the one after it; nil when there are none now.
    private mutating func advance(_ changes: LogChanges) throws(SystemError) -> [UInt8]? {
      if file == nil { try openFirst(changes) }
      while let current = file {
        if let bytes = try read(current) { return bytes }
        if current.isNamed(path) { return nil }
        // The writer left this file before it was renamed; what came in between is read before we go on.
        if let bytes = try read(current) { return bytes }
        guard let next = try successor(of: current) else { return nil }
        try follow(next, from: 0, changes)
      }
      return nil
    }

    private mutating func read(_ file: LogFile) throws(SystemError) -> [UInt8]? {
      guard var here = position else { return nil }
      if file.size < here.offset { here.offset = 0 }  // somebody emptied it
      let bytes = try file.read(64 << 10, at: here.offset)
      here.offset += Int64(bytes.count)
      position = here
      return bytes.isEmpty ? nil : bytes
    }

    private mutating func follow(_ next: LogFile, from offset: Int64, _ changes: LogChanges) throws(SystemError) {
      try changes.watch(next)
      file = next
      position = LogPosition(device: next.device, inode: next.inode, offset: offset)
    }

    /// The file of the position, wherever it was renamed to; the present one if it is gone or there was none.
    private mutating func openFirst(_ changes: LogChanges) throws(SystemError) {
      if let position {
        for _ in 0..<2 {  // it may have been renamed past the first look
          for number in names.numbers {
            guard let file = try LogFile(names[number]), file.inode == position.inode, file.device == position.device
            else { continue }
            return try follow(file, from: position.offset, changes)
          }
        }
      }
      if let file = try LogFile(path) { try follow(file, from: 0, changes) }
    }

    private var names: LogNames { LogNames(path: path) }

    /// The file that was begun after this one; the oldest that is left if this one is gone.
    private func successor(of file: LogFile) throws(SystemError) -> LogFile? {
      var misses = 0
      while misses < 3 {
        let numbers = names.numbers
        guard let own = numbers.firstIndex(where: { file.isNamed(names[$0]) }) else {
          misses += 1  // gone, or just being renamed past our look
          continue
        }
        // Nothing newer yet: the writer is between the two halves of a rotation.
        guard own > 0 else { return nil }
        let next = try LogFile(names[numbers[own - 1]])
        // Only if nothing moved meanwhile were the two neighbours.
        let isStill = names.numbers == numbers && file.isNamed(names[numbers[own]])
        if let next, isStill, next.isNamed(names[numbers[own - 1]]) { return next }
      }
      return try names.numbers.last.flatMap { number throws(SystemError) in try LogFile(names[number]) }
    }
  }
}

/// An inotify descriptor for the directory of a log and the file that is being read.
private final class LogChanges: Sendable {
  let descriptor: Int32

  init(directoryOf path: String) throws(SystemError) {
    descriptor = inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK))
    guard descriptor >= 0 else { throw SystemError("watch \(path)", code: errno) }
    let parent = path.lastIndex(of: "/").map { path[..<$0] } ?? "."
    guard inotify_add_watch(descriptor, parent.isEmpty ? "/" : String(parent), UInt32(IN_CREATE | IN_MOVED_TO)) >= 0
    else {
      let code = errno
      close(descriptor)
      throw SystemError("watch \(parent)", code: code)
    }
  }

  deinit { close(descriptor) }

  /// By its descriptor: its name may be another file's by now.
  func watch(_ file: LogFile) throws(SystemError) {
    let path = "/proc/self/fd/\(file.descriptor)"
    guard inotify_add_watch(descriptor, path, UInt32(IN_MODIFY | IN_MOVE_SELF)) >= 0 else {
      throw SystemError("watch a log", code: errno)
    }
  }

  /// What changed does not matter, only that something did.
  func drain() {
    var bytes = [UInt8](repeating: 0, count: 4096)
    while Glibc.read(descriptor, &bytes, bytes.count) > 0 {}
  }
}
