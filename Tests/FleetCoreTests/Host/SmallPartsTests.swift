// The small parts of a host: its lock, the names of clients, last words, and the tokens of launches.

import FleetEngine
import Foundation
import JupyterProtocol
import Testing

@testable import FleetCore

@Suite struct HostLockTests {
  @Test func oneAtATimeAndFreeAfterwards() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("fleet.pid")
    try String(repeating: "9", count: 20).write(toFile: path, atomically: true, encoding: .utf8)
    let lock = try HostLock(path: path, directory: directory.path)
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "\(getpid())\n")
    let error = try #require(throws: AlreadyRunning.self) { try HostLock(path: path, directory: directory.path) }
    #expect(
      error.description
        == "a host already runs in \(directory.path) (pid \(getpid())); use it, or stop it with fleet down")
    lock.release()
    lock.release()
    let next = try HostLock(path: path, directory: directory.path)
    withExtendedLifetime(next) {}
  }

  @Test func aHostThatDidNotReleaseItHasFallen() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("fleet.pid")
    try "4711\n".write(toFile: path, atomically: true, encoding: .utf8)
    let lock = try HostLock(path: path, directory: directory.path)
    #expect(lock.fallen == 4711)
    lock.release()
    // Nothing that somebody might take for a pid.
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "ended\n")
    #expect(try HostLock(path: path, directory: directory.path).fallen == nil)
  }

  @Test func aCopyOfTheDescriptorDoesNotKeepTheLock() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("fleet.pid")
    let lock = try HostLock(path: path, directory: directory.path)
    // As a child that was forked and has not called exec has it.
    let descriptor = try #require(
      SmallFile.names(in: "/proc/self/fd").first {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == path
      }.flatMap { Int32($0) })
    let copy = dup(descriptor)
    defer { close(copy) }
    lock.release()
    let next = try HostLock(path: path, directory: directory.path)
    withExtendedLifetime(next) {}
  }

  @Test func aLinkIsNotFollowed() throws {
    let directory = try TemporaryDirectory()
    symlink(directory.file("elsewhere"), directory.file("fleet.pid"))
    #expect(throws: StorageError.self) { try HostLock(path: directory.file("fleet.pid"), directory: directory.path) }
    #expect(directory.names() == ["fleet.pid"])
  }

  @Test(.enabled(if: SmallDisk.isPossible, "needs root, to mount a small disk")) func aFullDiskKeepsNoHostOut() throws {
    let disk = try SmallDisk()
    let path = disk.path + "/fleet.pid"
    try HostLock(path: path, directory: disk.path).release()
    try disk.fill()
    for _ in 0..<2 {
      let lock = try HostLock(path: path, directory: disk.path)
      #expect(lock.fallen == nil)
      lock.release()
    }
  }
}

@Suite struct ClientRegisterTests {
  @Test func aNameDiesWithItsProcess() throws {
    let id = KernelID.number(1)
    var clients = ClientRegister()
    let child = Foundation.Process()
    child.executableURL = URL(filePath: "/bin/sh")
    child.arguments = ["-c", "read line"]
    let input = Pipe()
    child.standardInput = input
    try child.run()
    clients.add(id, name: "child", pid: child.processIdentifier)
    clients.add(id, name: "me", pid: getpid())
    #expect(Set(clients.names(id, except: nil)) == ["child", "me"])
    #expect(clients.names(id, except: getpid()) == ["child"])
    try input.fileHandleForWriting.close()
    child.waitUntilExit()
    #expect(clients.names(id, except: nil) == ["me"])
    clients.add(id, name: "nobody", pid: child.processIdentifier)
    #expect(clients.names(id, except: nil) == ["me"])
    clients.forget(id)
    #expect(clients.names(id, except: nil).isEmpty)
  }
}

@Suite struct LastWordsTests {
  static let texts: [(String, String)] = [
    ("plain\ttext\n", "plain\ttext\n"), ("\u{1B}[31mred\u{1B}[0m", "red"), ("a\u{0}b\u{7}c\r\n", "abc\n"),
    ("\u{1B}[2J\u{1B}]0;title\u{7}x", "]0;titlex"), ("\u{9B}31mx", "31mx"), ("ends\u{1B}[3", "ends"), ("\u{1B}", ""),
    ("ü€𝄞", "ü€𝄞"),
  ]

  @Test(arguments: texts) func cannotActOnATerminal(_ text: (raw: String, plain: String)) {
    #expect(LastWords.plain(text.raw) == text.plain)
  }

  @Test func areFewHoweverMuchWasSaid() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("kernel.log")
    #expect(LastWords.read(path) == nil)
    try Data(repeating: UInt8(ascii: "x"), count: 3 << 20).write(to: URL(filePath: path))
    let words = try #require(LastWords.read(path))
    #expect(words.count <= 4096 && words.allSatisfy { $0 == "x" })
    try Data((1...9).map { "line \($0)\n" }.joined().utf8).write(to: URL(filePath: path))
    #expect(LastWords.read(path) == "line 5\nline 6\nline 7\nline 8\nline 9")
  }
}

@Suite struct TokenBookTests {
  private func kernel(generation: Int) -> Kernel {
    var kernel = Kernel.bare()
    kernel.generation = generation
    return kernel
  }

  @Test func everyLaunchHasAToken() {
    let book = TokenBook()
    let (first, none) = book.token(of: kernel(generation: 1))
    #expect(none == nil)
    #expect(book.token(of: kernel(generation: 1)) == (first, nil))
    // A launch on the next port follows one that nobody unwatched.
    let (second, replaced) = book.token(of: kernel(generation: 2))
    #expect(second != first && replaced == first)
    #expect(book.translate(.ready(token: first, info: nil)) == nil)
    guard case .ready(_, generation: 2) = book.translate(.ready(token: second, info: nil)) else {
      Issue.record("not ready")
      return
    }
    #expect(book.retire(.number(1)) == second)
    #expect(book.retire(.number(1)) == nil)
    #expect(book.translate(.heartbeat(token: second, isAlive: false)) == nil)
  }

  @Test func aHeartThatBeatsAsBeforeIsNoNews() {
    let book = TokenBook()
    let (token, _) = book.token(of: kernel(generation: 1))
    func beat(_ isAlive: Bool) -> Bool? {
      if case .heartbeat(_, _, let alive) = book.translate(.heartbeat(token: token, isAlive: isAlive)) {
        alive
      } else {
        nil
      }
    }
    #expect([true, true, false, false, true, true].map(beat) == [nil, nil, false, false, true, nil])
  }
}
