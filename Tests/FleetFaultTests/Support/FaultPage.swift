// The page through which a preloaded host is told what is to fail; Tests/CFleetFaults/include/fleet_faults.h has its
// layout.
import Glibc
import Synchronization

/// Calls that a host makes on files of its directory, in kinds.
struct CallKinds: OptionSet, Sendable {
  let rawValue: UInt64
  static let open = CallKinds(rawValue: 1)
  static let write = CallKinds(rawValue: 2)
  static let sync = CallKinds(rawValue: 4)
  static let rename = CallKinds(rawValue: 8)
  static let remove = CallKinds(rawValue: 16)
  static let size = CallKinds(rawValue: 32)
  static let name = CallKinds(rawValue: 64)
  static let all = CallKinds(rawValue: 127)
  /// What needs room on a disk.
  static let growing: CallKinds = [.open, .write, .sync, .rename, .size, .name]
}

/// What happens at the chosen call.
enum Fault: Sendable, CustomStringConvertible {
  case kill
  /// Half of a write is done, then the host is killed.
  case tear
  case failOnce(Int32)
  /// All later calls fail, too.
  case failOn(Int32)

  var isDeadly: Bool {
    switch self {
    case .kill, .tear: true
    case .failOnce, .failOn: false
    }
  }

  private static func name(_ error: Int32) -> String {
    [ENOSPC: "ENOSPC", EIO: "EIO", EROFS: "EROFS"][error] ?? "\(error)"
  }

  var description: String {
    switch self {
    case .kill: "killed"
    case .tear: "killed in the middle"
    case .failOnce(let error): "fails with \(Self.name(error))"
    case .failOn(let error): "and all later ones fail with \(Self.name(error))"
    }
  }
}

/// Words of a file that a host maps, too; it is there for as long as the object.
final class FaultPage: Sendable {
  let path: String
  private static let size = 1024
  /// Mapped until the end of the object; every access is one aligned word, as on the other side.
  private nonisolated(unsafe) let words: UnsafeMutablePointer<UInt64>

  private enum Word: Int {
    case count, trigger, mode, error, kinds, hits, clock, spawnError, spawnsFailed
    case call = 16
  }

  init(path: String) throws {
    self.path = path
    let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0, ftruncate(descriptor, off_t(Self.size)) == 0 else { throw Problem("cannot make \(path)") }
    defer { close(descriptor) }
    let mapped = mmap(nil, Self.size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
    guard let mapped, mapped != MAP_FAILED else { throw Problem("cannot map \(path)") }
    words = mapped.bindMemory(to: UInt64.self, capacity: Self.size / 8)
  }

  deinit { munmap(words, Self.size) }

  private func read(_ word: Word) -> UInt64 { words[word.rawValue] }
  private func write(_ word: Word, _ value: UInt64) { words[word.rawValue] = value }

  /// Calls since the last `arm`.
  var count: Int { Int(read(.count)) }
  /// How many calls were failed since then.
  var hits: Int { Int(read(.hits)) }
  var failedSpawns: Int { Int(read(.spawnsFailed)) }

  /// The fault comes at the `number`-th call from now on.
  func arm(_ fault: Fault?, at number: Int, kinds: CallKinds = .all) {
    write(.mode, 0)
    words[Word.call.rawValue] = 0
    write(.hits, 0)
    write(.kinds, kinds.rawValue)
    write(.count, 0)
    write(.trigger, UInt64(number))
    switch fault {
    case nil: break
    case .kill: write(.mode, 1)
    case .tear: write(.mode, 2)
    case .failOnce(let error):
      write(.error, UInt64(error))
      write(.mode, 3)
    case .failOn(let error):
      write(.error, UInt64(error))
      write(.mode, 4)
    }
  }

  func disarm() { arm(nil, at: 0) }

  /// Nil lets processes be started.
  func failSpawns(_ error: Int32?) { write(.spawnError, UInt64(error ?? 0)) }

  /// How far the host's wall clock is ahead.
  func moveClock(bySeconds seconds: Int) { write(.clock, UInt64(bitPattern: Int64(seconds))) }

  /// The call that was meant, as text; empty if it has not come.
  var call: String {
    words.advanced(by: Word.call.rawValue).withMemoryRebound(to: CChar.self, capacity: 384) { String(cString: $0) }
  }
}

/// Why a test cannot go on; a sentence.
struct Problem: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
