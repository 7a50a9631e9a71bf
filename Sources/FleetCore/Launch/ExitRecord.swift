// How a kernel ended, as its shim wrote it.

import Glibc
import JSON

/// The content of `<id>.exit`.
public struct ExitRecord: Sendable, Hashable {
  public enum Ending: Sendable, Hashable {
    case code(Int32)
    case signal(Int32)
  }

  public let nonce: String
  /// The pid that the kernel had.
  public let pid: Int32
  public let ending: Ending
  /// The system killed it because its memory limit was reached.
  public let isOutOfMemory: Bool
  /// The limit that ended it: `memory` (its own), `machine_memory`, `file_size`, `cpu_time`.
  public let limit: String?
  /// Processes of the kernel that were killed for memory, itself included.
  public let memoryKills: Int64
  /// Processes and threads that it could not start because of its limit.
  public let refusedForks: Int64
  /// What the host had asked for before: `term`, `kill`.
  public let asked: String?
  /// Processes below the kernel that could not be killed.
  public let leftAlive: Int
  /// Bytes of output that did not fit the disk.
  public let lostLogBytes: Int64
  public let maximumResidentKilobytes: Int64
  public let userMicroseconds: Int64
  public let systemMicroseconds: Int64
  /// ISO 8601.
  public let ended: String

  /// Nil when the text is no exit record.
  public init?(parsing bytes: [UInt8]) {
    // Whatever is no record cannot say how a kernel ended; the caller treats it as none.
    guard let json = try? JSON(parsing: bytes), let nonce = json["nonce"]?.string, let pid = json["pid"]?.int else {
      return nil
    }
    if let code = json["code"]?.int {
      ending = .code(Int32(truncatingIfNeeded: code))
    } else if let signal = json["signal"]?.int {
      ending = .signal(Int32(truncatingIfNeeded: signal))
    } else {
      return nil
    }
    self.nonce = nonce
    self.pid = Int32(truncatingIfNeeded: pid)
    isOutOfMemory = json["oom"]?.bool ?? false
    limit = json["limit"]?.string
    memoryKills = json["oom_kills"]?.int ?? 0
    refusedForks = json["forks_refused"]?.int ?? 0
    asked = json["asked"]?.string
    leftAlive = Int(json["left_alive"]?.int ?? 0)
    lostLogBytes = json["log_lost"]?.int ?? 0
    maximumResidentKilobytes = json["max_rss_kb"]?.int ?? 0
    userMicroseconds = json["user_us"]?.int ?? 0
    systemMicroseconds = json["system_us"]?.int ?? 0
    ended = json["ended"]?.string ?? ""
  }

  /// Reads `<id>.exit`; nil when there is none of this launch. What no shim writes (a link, a pipe, a directory, a file that
  /// is too large or says something else) is no record.
  public static func read(id: String, nonce: String, directory: String) throws(SystemError) -> ExitRecord? {
    do throws(SystemError) {
      guard let bytes = try SmallFile.record("\(directory)/\(id).exit"), let record = ExitRecord(parsing: bytes) else {
        return nil
      }
      return record.nonce == nonce ? record : nil
    } catch  where [ELOOP, EINVAL, EFBIG].contains(error.code) {
      return nil
    }
  }
}
