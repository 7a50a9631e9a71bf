// The fleet directory: its choice, its making, and what is refused.
import Glibc
import Testing

@testable import FleetConfiguration

struct FleetDirectoryTests {
  private func mode(_ path: String) -> mode_t {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & 0o777 : 0
  }

  @Test func isMadeForItsOwnerOnly() throws {
    let root = TestDirectory()
    let fleet = FleetDirectory(path: root.path + "/a/b/fleet/")
    #expect(fleet.path == root.path + "/a/b/fleet")
    #expect(try !fleet.check())
    try fleet.prepare()
    try fleet.prepare()
    #expect(try fleet.check())
    #expect(mode(fleet.path) == 0o700 && mode(fleet.logs) == 0o700)
  }

  @Test func anOpenOneIsClosedIfItIsOurs() throws {
    let root = TestDirectory()
    let fleet = FleetDirectory(path: root.path + "/fleet")
    mkdir(fleet.path, 0o755)
    chmod(fleet.path, 0o755)
    try fleet.prepare()
    #expect(mode(fleet.path) == 0o700)
  }

  @Test(.enabled(if: geteuid() == 0, "needs to give files away"))
  func kernelsOfOtherUsersPassThroughAndNobodyElse() throws {
    let root = TestDirectory()
    chmod(root.path, 0o711)
    let fleet = FleetDirectory(path: root.path + "/fleet")
    try fleet.prepare()
    let users = try UIDRange(parsing: "1000000-1065535")
    try fleet.admit(users)
    var status = stat()
    stat(fleet.path, &status)
    #expect(status.st_mode & 0o777 == 0o710 && status.st_gid == users.first && !FleetDirectory.isOpen(status))
    // The next command leaves it so, but not for a group that has members.
    try fleet.prepare()
    #expect(mode(fleet.path) == 0o710)
    chown(fleet.path, .max, 65534)
    try fleet.prepare()
    #expect(mode(fleet.path) == 0o700)
    chmod(root.path, 0o700)
    #expect { try fleet.admit(users) } throws: { "\($0)".contains("because \(root.path) is closed to them") }
  }

  @Test func anOpenOneWithOtherFilesIsLeftAlone() {
    let root = TestDirectory()
    root.write("project/notes.txt", "")
    let fleet = FleetDirectory(path: root.path + "/project")
    chmod(fleet.path, 0o755)
    #expect { try fleet.prepare() } throws: {
      "\($0)" == "\(fleet.path) is open to other users and holds other files; choose an empty directory or chmod 700 it"
    }
    #expect(mode(fleet.path) == 0o755)
  }

  @Test func aFileIsNoDirectory() {
    let root = TestDirectory()
    let file = root.write("fleet", "")
    #expect { try FleetDirectory(path: file).check() } throws: {
      "\($0)" == "\(file) is no directory; choose another with --fleet-dir"
    }
    #expect(throws: ConfigurationError.self) { try FleetDirectory(path: file).prepare() }
  }

  @Test(.enabled(if: geteuid() == 0, "needs to give files away"))
  func oneOfSomebodyElseIsRefused() {
    let root = TestDirectory()
    let fleet = FleetDirectory(path: root.makeDirectory("fleet"))
    chown(fleet.path, 65534, 65534)
    for action in [{ try fleet.prepare() }, { _ = try fleet.check() }] {
      #expect { try action() } throws: {
        "\($0)" == "\(fleet.path) belongs to the user nobody; choose a directory of your own with --fleet-dir"
      }
    }
  }

  @Test(.enabled(if: geteuid() == 0, "needs to give files away"))
  func aLinkOfSomebodyElseIsRefused() {
    let root = TestDirectory()
    root.makeDirectory("real/fleet")
    symlink(root.path + "/real", root.path + "/link")
    lchown(root.path + "/link", 65534, 65534)
    let fleet = FleetDirectory(path: root.path + "/link/fleet")
    #expect { try fleet.prepare() } throws: {
      "\($0)"
        == "\(root.path)/link is a symbolic link that the user nobody controls; name the directory that it leads to"
    }
  }

  @Test func ourOwnLinkIsFollowedButNotInADirectoryThatAnybodyCanWrite() throws {
    let root = TestDirectory()
    root.makeDirectory("real")
    symlink("real/../real", root.path + "/link")
    let fleet = FleetDirectory(path: root.path + "/link/fleet")
    try fleet.prepare()
    #expect(mode(root.path + "/real/fleet") == 0o700)
    chmod(root.path, 0o777)
    #expect { try fleet.prepare() } throws: {
      "\($0)"
        == "\(root.path)/link is a symbolic link in a directory that anybody can write; name the directory itself"
    }
  }

  @Test func linksInACircleEnd() {
    let root = TestDirectory()
    symlink("b", root.path + "/a")
    symlink("a", root.path + "/b")
    #expect { try FleetDirectory(path: root.path + "/a").prepare() } throws: {
      "\($0)" == "\(root.path)/a leads through too many symbolic links"
    }
  }

  @Test func namesOfFiles() {
    let fleet = FleetDirectory(path: "/f")
    #expect(fleet.connectionFile("kernel-1a2b3c4d") == "/f/kernel-1a2b3c4d.json")
    #expect(fleet.logFile("kernel-1a2b3c4d") == "/f/logs/kernel-1a2b3c4d.log")
    #expect(fleet.stateFile(uuid: "u") == "/f/u.state.db")
    #expect(fleet.socket == "/f/fleet.sock")
  }
}
