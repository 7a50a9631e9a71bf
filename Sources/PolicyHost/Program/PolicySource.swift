// The text of a policy file.

import Crypto
import Glibc

/// A policy file as it was read.
struct PolicySource: Sendable {
  let text: [UInt8]
  /// SHA-256 of the text, in hexadecimal.
  let hash: String

  /// No policy needs more; the limit keeps a mistaken path from filling the memory.
  static let largest = 1 << 20

  init(text: [UInt8]) {
    self.text = text
    hash = policyHash(of: text)
  }

  init(path: String) throws(PolicyError) {
    do throws(PolicyError) { self.init(text: try readFile(path, largest: Self.largest)) } catch {
      throw PolicyError("the policy \(error.description)")
    }
  }
}

/// What changes whenever a file is replaced or written.
struct FileStamp: Sendable, Hashable {
  private let device: UInt
  private let inode: UInt
  private let size: Int
  private let seconds: Int
  private let nanoseconds: Int

  /// Nil if there is no such file.
  init?(path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    device = status.st_dev
    inode = status.st_ino
    size = status.st_size
    seconds = status.st_mtim.tv_sec
    nanoseconds = status.st_mtim.tv_nsec
  }
}

/// Why a policy cannot be used.
public struct PolicyError: Error, Sendable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }
}

/// The hash that decisions name a policy by: SHA-256 of its text, in hexadecimal.
public func policyHash(of text: [UInt8]) -> String {
  let digits = Array("0123456789abcdef".utf8)
  let hexadecimal = SHA256.hash(data: text).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
  return String(decoding: hexadecimal, as: UTF8.self)
}
