// The files of kernels: what is taken for one, what is written and who can read it, and what is removed.

import FleetConfiguration
import FleetEngine
import Foundation
import JSON
import JupyterProtocol
import Testing

@testable import FleetCore

@Suite struct KernelFilesTests {
  let temporary: TemporaryDirectory
  let files: KernelFiles

  init() throws {
    temporary = try TemporaryDirectory()
    let directory = FleetDirectory(path: temporary.path)
    try directory.prepare()
    files = KernelFiles(directory: directory, bootID: "boot")
  }

  private func touch(_ name: String) throws { try Data("x".utf8).write(to: URL(filePath: temporary.file(name))) }

  // MARK: Names

  @Test(arguments: [
    "kernel-0a1b2c3d.json", "kernel-0a1b2c3d.env", "kernel-0a1b2c3d.pid", "kernel-0a1b2c3d.pid.new",
    "kernel-0a1b2c3d.lock", "kernel-0a1b2c3d.exit", "kernel-0a1b2c3d.exit.new", "kernel-0a1b2c3d.log",
    "kernel-0a1b2c3d.log.12", "kernel-0a1b2c3d.log.new", "kernel-0a1b2c3d.d", "kernel-0a1b2c3d.json.123.456.tmp",
    "kernel-0a1b2c3d.env.123.tmp",
  ]) func namesOfOurs(_ name: String) {
    #expect(KernelFileName(name)?.id == "kernel-0a1b2c3d")
  }

  @Test(arguments: [
    "", "kernel-", "kernel-0a1b2c3d", "kernel-0a1b2c3d.", "kernel-0a1b2c3d.txt", "kernel-0a1b2c3d.ipynb",
    "kernel-0A1B2C3D.json", "kernel-0a1b2c3g.json", "kernel-0a1b2c3d4.json", "kernel-0a1b2c3.json",
    " kernel-0a1b2c3d.json",
    "kernel-0a1b2c3d.json ", "kernel-0a1b2c3d..json", "kernel-0a1b2c3d/.json", "../kernel-0a1b2c3d.json",
    "kernel-０a1b2c3d.json", "kernel-٠a1b2c3d.json", "kernel-0a1b2c3d.\u{301}json", "kernel-0a1b2c3d.json\u{301}",
    "kernel-0a1b2c3d.log.", "kernel-0a1b2c3d.log.x", "kernel-0a1b2c3d.log.1.gz", "kernel-0a1b2c3d.log.-1",
    "kernel-0a1b2c3d.json.tmp", "kernel-0a1b2c3d.json..tmp", "kernel-0a1b2c3d.env.12.x.tmp",
    "kernel-0a1b2c3d.lock.1.tmp", "kernel-0a1b2c3d.json\n", "kernel-0a1b2c3d.json\u{0}", "KERNEL-0a1b2c3d.json",
  ]) func namesOfOthers(_ name: String) {
    #expect(KernelFileName(name) == nil)
  }

  // MARK: Cleaning up

  /// A kernel may have made anything in its own directory: links that lead out of it, pipes, directories in each other.
  @Test func whatAKernelMadeIsRemovedAndNothingElse() throws {
    let kernel = Kernel.bare(1)
    let own = files.directory.ownDirectory(kernel.id.description)
    try files.makeOwnDirectory(kernel)
    try files.makeOwnDirectory(kernel)
    let kept = temporary.file("kept")
    mkdir(kept, 0o700)
    try touch("kept/file")
    symlink(kept, own + "/link")
    symlink(kept + "/file", own + "/link to a file")
    symlink("..", own + "/up")
    mkfifo(own + "/pipe", 0o600)
    var deep = own
    for _ in 0..<1000 {
      deep += "/d"
      try #require(mkdir(deep, 0o700) == 0)
    }
    try Data("x".utf8).write(to: URL(filePath: deep + "/file"))
    // Wide where it is deep, and a name like those of what is moved up.
    var middle = own
    for _ in 0..<31 { middle += "/d" }
    for number in 0..<50 {
      try #require(mkdir("\(middle)/\(number)", 0o700) == 0 && mkdir("\(middle)/\(number)/below", 0o700) == 0)
      try #require(mkdir("\(middle)/empty \(number)", 0o500) == 0)
      mkdir("\(own)/.moved-\(number)", 0o700)
    }
    #expect(files.removeOwnDirectory(kernel.id.description))
    #expect(access(own, F_OK) != 0 && access(kept + "/file", F_OK) == 0)
    // In its place something that is not ours to enter.
    symlink(kept, own)
    #expect(throws: StorageError.self) { try files.makeOwnDirectory(kernel) }
    #expect(files.removeOwnDirectory(kernel.id.description))
    #expect(access(kept + "/file", F_OK) == 0)
  }

  @Test func onlyFilesOfNobodyAreStale() async throws {
    let ours = Kernel.bare(1)
    let stale = Kernel.bare(2)
    let state = "\(stale.id.uuid).state.db"
    for kernel in [ours, stale] { try files.writeConnectionFile(kernel) }
    try touch(state)
    let names = [
      "kernel-00000002.env", "kernel-00000002.lock", "logs/kernel-00000002.log", "logs/kernel-00000002.log.1",
    ]
    let others = [
      "kernel-00000002.txt", "notes.md", "fleet.db", "logs/other.log", "kernel-0000000A.json",
      "\(ours.id.uuid).state.db",
    ]
    for name in names + others { try touch(name) }
    // A directory by such a name, and a link to a file of somebody else.
    try FileManager.default.createDirectory(
      atPath: temporary.file("kernel-00000003.json"), withIntermediateDirectories: false)
    try touch("precious")
    symlink(temporary.file("precious"), temporary.file("kernel-00000004.json"))

    let removed = files.removeStale(try files.inventory(), known: ["\(ours.id)"])
    let expected = (names + ["kernel-00000002.json", state]).map(temporary.file)
    #expect(Set(removed.first { $0.id == "\(stale.id)" }?.files ?? []) == Set(expected))
    #expect(expected.allSatisfy { access($0, F_OK) != 0 })
    #expect((others + ["kernel-00000001.json", "precious"]).allSatisfy { access(temporary.file($0), F_OK) == 0 })
    #expect(removed.filter { !$0.files.isEmpty }.map(\.id) == ["\(stale.id)", "kernel-00000004"])
  }

  @Test func filesOfALiveShimAreNeverStale() async throws {
    try await LaunchFixture.with { fleet in
      let files = KernelFiles(directory: FleetDirectory(path: fleet.directory), bootID: "")
      let process = try await fleet.shell("sleep 1000")
      let before = try files.inventory()
      #expect(before[process.id]?.count ?? 0 >= 3)
      #expect(files.removeStale(before, known: []).isEmpty)
      #expect(try files.inventory() == before)
      try process.kill()
      _ = try await fleet.end(of: process)
      #expect(files.removeStale(try files.inventory(), known: []).map(\.id) == [process.id])
      #expect(try files.inventory().isEmpty)
    }
  }

  @Test func anUnreadableDirectoryIsNoEmptyOne() throws {
    try FileManager.default.removeItem(atPath: files.directory.logs)
    let error = try #require(throws: StorageError.self) { try files.inventory() }
    #expect(error.description == "cannot read \(files.directory.logs): No such file or directory")
  }

  @Test func aRemovedKernelLeavesNothing() throws {
    let kernel = Kernel.bare(1)
    try files.writeConnectionFile(kernel)
    try files.writeEnvironment(["A": "b"], of: kernel.id)
    let id = "\(kernel.id)"
    let mine = ["\(id).pid", "\(id).lock", "\(id).exit", "logs/\(id).log", "logs/\(id).log.1", "logs/\(id).log.7"]
    let state = ["", "-wal", "-shm"].map { "\(kernel.id.uuid).state.db\($0)" }
    let others = ["kernel-00000002.json", "logs/kernel-00000002.log"]
    for name in mine + state + others { try touch(name) }
    files.remove(kernel)
    #expect(temporary.names() == ["kernel-00000002.json", "logs"])
    #expect(SmallFile.names(in: files.directory.logs) == ["kernel-00000002.log"])
  }

  // MARK: Variables

  @Test func variablesAreKeptForTheirKernelAlone() throws {
    let id = KernelID.number(1)
    let path = files.directory.environmentFile("\(id)")
    #expect(try files.environment(of: id) == [:])
    let variables = ["KEY": "s3cret", "EMPTY": "", "ÜML": "ö\n\"'$"]
    let before = umask(0)
    try files.writeEnvironment(variables, of: id)
    umask(before)
    #expect(try files.environment(of: id) == variables)
    #expect(fileMode(path) == 0o600)
    #expect(try files.environment(of: .number(2)) == [:])
    // A new kernel of this id, whose client sent none.
    try files.writeEnvironment([:], of: id)
    #expect(access(path, F_OK) != 0)
    #expect(try files.environment(of: id) == [:])
  }

  @Test(arguments: ["", "{\"KEY\": \"s3cret\"", "[\"s3cret\"]", "s3cret"])
  func damagedVariablesAreAnErrorThatTellsNoSecret(_ text: String) throws {
    let path = files.directory.environmentFile("kernel-00000001")
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    let error = try #require(throws: StorageError.self) { try files.environment(of: .number(1)) }
    #expect(error.description == "\(path) is damaged; restore the variables of kernel-00000001, or stop it")
  }

  @Test func variablesThatCannotBeReadAreAnError() throws {
    let path = files.directory.environmentFile("kernel-00000001")
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    let error = try #require(throws: StorageError.self) { try files.environment(of: .number(1)) }
    #expect(error.description.hasPrefix("cannot read \(path): "))
    #expect(throws: StorageError.self) { try files.writeEnvironment([:], of: .number(1)) }
  }

  @Test func manyVariables() throws {
    let variables = Dictionary(
      uniqueKeysWithValues: (0..<2000).map { ("NAME_\($0)", String(repeating: "v", count: 400)) })
    try files.writeEnvironment(variables, of: .number(1))
    #expect(try files.environment(of: .number(1)) == variables)
  }

  // MARK: Connection files

  @Test func theConnectionFileTellsWhoItIs() throws {
    let kernel = Kernel.complete(1)
    try files.writeConnectionFile(kernel)
    #expect(files.document("\(kernel.id)")?.kernel == kernel.durable)
    #expect(fileMode(files.directory.connectionFile("\(kernel.id)")) == 0o600)
    let file = try ConnectionFile(reading: files.directory.connectionFile("\(kernel.id)"))
    #expect(file.shellPort == kernel.port && file.heartbeatPort == kernel.port + 4 && file.key == kernel.key)
  }

  @Test func replacingLeavesNothingBehindWhenItFails() throws {
    try FileManager.default.createDirectory(atPath: temporary.file("taken"), withIntermediateDirectories: false)
    try touch("taken/x")
    let error = try #require(throws: StorageError.self) { try KernelFiles.replace(temporary.file("taken"), with: [1]) }
    #expect(error.description == "cannot replace \(temporary.file("taken")): Is a directory")
    #expect(temporary.names() == ["logs", "taken"])
  }
}
