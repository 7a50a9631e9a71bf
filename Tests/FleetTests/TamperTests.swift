// A fleet directory in which somebody else has been: the host follows no link, waits for no pipe, believes no forged file.
import Foundation
import JSON
import Testing

extension EndToEnd {
  @Suite struct Tampering {
    /// Nothing reads registry.json: whatever it says, the registry says what there is; and it is replaced, not written.
    @Test func `a hostile registry.json is replaced and never believed`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--name", "alice")
        let mirror = fleet.home + "/registry.json"
        let victim = fleet.home + "/victim.txt"
        let forged = try await forge(fleet)
        try "precious".write(toFile: victim, atomically: true, encoding: .utf8)
        for trap in ["text", "huge", "link", "pipe", "directory"] {
          try await fleet.killHost()
          try? FileManager.default.removeItem(atPath: mirror)
          switch trap {
          case "text": try forged.write(toFile: mirror, atomically: true, encoding: .utf8)
          case "huge":
            try String(repeating: "[", count: 8 << 20).write(toFile: mirror, atomically: true, encoding: .utf8)
          case "link": try FileManager.default.createSymbolicLink(atPath: mirror, withDestinationPath: victim)
          case "pipe": try #require(mkfifo(mirror, 0o600) == 0)
          default: try FileManager.default.createDirectory(atPath: mirror, withIntermediateDirectories: false)
          }
          try await fleet.ok("up")
          let names = try await fleet.document("list")["kernels"]?.array?.compactMap { $0["name"]?.string }
          #expect(names == ["alice"], "\(trap)")
          if trap == "directory" {
            try await eventually("a word about it") { fleet.hostLog.contains("registry.json is older") }
          } else {
            try await eventually("\(trap) to be replaced") { Self.isFile(mirror) && Self.tells(mirror, "alice") }
          }
        }
        #expect(try String(contentsOfFile: victim, encoding: .utf8) == "precious")
        try FileManager.default.removeItem(atPath: mirror)
      }
    }

    /// The registry's own document, with a stranger in it.
    private func forge(_ fleet: FleetFixture) async throws -> String {
      try await eventually("registry.json") { Self.tells(fleet.home + "/registry.json", "alice") }
      let text = try String(contentsOfFile: fleet.home + "/registry.json", encoding: .utf8)
      return text.replacingOccurrences(of: "alice", with: "mallory")
    }

    private static func isFile(_ path: String) -> Bool {
      var info = stat()
      return lstat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFREG
    }

    private static func tells(_ path: String, _ word: String) -> Bool {
      isFile(path) && (try? String(contentsOfFile: path, encoding: .utf8))?.contains(word) == true
    }

    /// The host knows key and ports from its registry; who changes the file deceives only those who read it.
    @Test func `a connection file replaced under the host does not give it a stranger's key`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--name", "alice")
        let alice = try await fleet.kernel("alice")
        let path = try #require(alice["connection_file"]?.string)
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let key = try #require(try JSON(parsing: text)["key"]?.string)
        let stranger = String(repeating: "5", count: key.count)
        try text.replacingOccurrences(of: key, with: stranger)
          .write(toFile: path, atomically: true, encoding: .utf8)
        // A host that starts asks the kernel with the key of its registry: it answers, and stays the same kernel.
        try await fleet.killHost()
        try await fleet.ok("up")
        try await eventually("alice to answer") { try await fleet.kernel("alice")["status"] == "idle" }
        #expect(try await fleet.kernel("alice")["pid"] == alice["pid"])
        // A restart writes the file anew, with the old key.
        try await fleet.ok("restart", "alice")
        #expect(try JSON(parsing: String(contentsOfFile: path, encoding: .utf8))["key"]?.string == key)
        #expect(try await fleet.ok("exec", "alice", "return 1") == "1")
      }
    }

    @Test func `a host refuses a directory whose files lead elsewhere`() async throws {
      try await FleetFixture.with { fleet in
        let victim = fleet.home + "/victim.txt"
        try "precious".write(toFile: victim, atomically: true, encoding: .utf8)
        for name in ["fleet.db", "decisions.db", "fleet.log", "fleet.pid", "logs"] {
          let path = fleet.home + "/" + name
          try? FileManager.default.removeItem(atPath: path)  // a host that did not start may have made it
          for kind in ["link", "pipe"] {
            if kind == "link" {
              try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: victim)
            } else {
              try #require(mkfifo(path, 0o600) == 0)
            }
            let result = try await fleet.fleet("up")
            #expect(result.code != 0 && result.errors.contains(path), "\(name) as a \(kind): \(result)")
            #expect(try String(contentsOfFile: victim, encoding: .utf8) == "precious", "\(name) as a \(kind)")
            try FileManager.default.removeItem(atPath: path)
          }
        }
        try await fleet.ok("up")
      }
    }

    @Test func `a fleet directory that was replaced gets no kernels`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--name", "alice")
        let socket = fleet.home + "/fleet.sock"
        let aside = fleet.home + ".aside"
        try FileManager.default.moveItem(atPath: fleet.home, toPath: aside)
        try FileManager.default.createDirectory(
          atPath: fleet.home, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        try FileManager.default.createSymbolicLink(
          atPath: socket, withDestinationPath: aside + "/fleet.sock")
        let result = try await fleet.fleet("spawn", "--name", "bob")
        #expect(result.code != 0 && result.errors.contains("was moved or replaced"), "\(result)")
        let made = try FileManager.default.contentsOfDirectory(atPath: fleet.home)
        #expect(made.allSatisfy { !$0.hasPrefix("kernel-") }, "\(made)")
        try FileManager.default.removeItem(atPath: fleet.home)
        try FileManager.default.moveItem(atPath: aside, toPath: fleet.home)
        #expect(try await fleet.ok("exec", "alice", "return 1") == "1")
        try await fleet.ok("spawn", "--name", "bob")
      }
    }

    /// Variables of a kernel, the keys of models among them, are not taken from where a link leads.
    @Test func `a replaced env file keeps a kernel from starting again`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("spawn", "--name", "alice", "--env", "SECRET=1")
        let id = try #require(try await fleet.kernel("alice")["id"]?.string)
        let path = "\(fleet.home)/\(id).env"
        let kept = fleet.home + "/kept.txt"
        try FileManager.default.moveItem(atPath: path, toPath: kept)
        for kind in ["link", "pipe", "directory"] {
          switch kind {
          case "link": try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: kept)
          case "pipe": try #require(mkfifo(path, 0o600) == 0)
          default: try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
          }
          let result = try await fleet.fleet("restart", "alice")
          #expect(result.code != 0 && result.errors.contains("\(id).env"), "\(kind): \(result)")
          try FileManager.default.removeItem(atPath: path)
        }
        try FileManager.default.moveItem(atPath: kept, toPath: path)
        try await fleet.ok("restart", "alice")
        #expect(try await fleet.ok("exec", "alice", "return os.getenv('SECRET')") == "1")
      }
    }

    @Test func `names and references of every nasty kind are refused or just not found`() async throws {
      try await FleetFixture.with { fleet in
        try await fleet.ok("up")
        let nasty = [
          "../../etc/passwd", "..", ".", "/", "a/b", "a\nb", "\u{1B}]0;x\u{7}", "%2e%2e%2f", "kernel-../../../x",
          String(repeating: "a", count: 5000), "\u{202E}x", "-", "*", "$(id)", "'; drop table kernels; --", "ä",
          "\u{FEFF}x",
        ]
        for name in nasty {
          for arguments in [["show", "--", name], ["stop", "--", name], ["logs", "--", name]] {
            let result = try await fleet.run(Built.program("fleet"), arguments)
            #expect([1, 2, 3].contains(result.code), "\(arguments): \(result)")
            #expect(!(result.output + result.errors).contains("\u{1B}"), "\(arguments)")
          }
          let spawned = try await fleet.run(Built.program("fleet"), ["spawn", "--name=\(name)"])
          #expect(spawned.code == 2, "\(name): \(spawned)")
        }
        #expect(try await fleet.document("list")["kernels"]?.array?.isEmpty == true)
      }
    }
  }
}
