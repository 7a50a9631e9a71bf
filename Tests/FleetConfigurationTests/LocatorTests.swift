// From names to files, and from the program to what ships with it.
import Glibc
import Testing

@testable import FleetConfiguration

struct LocatorTests {
  @Test func pathsComeBeforeTheFleetsFilesBeforeTheShippedOnes() throws {
    let directory = TestDirectory()
    let root = directory.path
    let locator = Locator(fleetDirectory: root + "/fleet", sharedDirectory: root + "/shared")
    let shipped = directory.write("shared/configs/openai.toml", "")
    #expect(try locator.find("openai", .config, from: root) == shipped)
    #expect(try locator.find("openai.toml", .config, from: root) == shipped)
    #expect(try locator.find("configs/openai.toml", .config, from: root) == shipped)
    let own = directory.write("fleet/configs/openai.toml", "")
    #expect(try locator.find("openai", .config, from: root) == own)
    let here = directory.write("here/openai.toml", "")
    #expect(try locator.find("openai", .config, from: root + "/here") == here)
    #expect(try locator.find(shipped, .config, from: root + "/here") == shipped)
    #expect(locator.names(.config) == ["openai"])
  }

  @Test func namesDoNotLeadOutOfTheirDirectories() {
    let directory = TestDirectory()
    let root = directory.path
    directory.write("secret.toml", "")
    directory.makeDirectory("fleet/configs")
    directory.makeDirectory("work")
    let locator = Locator(fleetDirectory: root + "/fleet", sharedDirectory: nil)
    #expect { try locator.find("../../secret", .config, from: root + "/work/x") } throws: {
      "\($0)" == "there is no config \"../../secret\"; looked for \(root)/work/x/../../secret"
    }
  }

  @Test func theErrorNamesThePlacesAndTheNearestName() {
    let directory = TestDirectory()
    let root = directory.path
    directory.write("shared/configs/openai.toml", "")
    directory.write("shared/configs/local.toml", "")
    let locator = Locator(fleetDirectory: root + "/fleet", sharedDirectory: root + "/shared")
    let places = "\(root)/fleet/configs, \(root)/shared/configs"
    #expect { try locator.find("opnai.toml", .config, from: root) } throws: {
      "\($0)" == "there is no config \"opnai.toml\"; looked for \(root)/opnai.toml, \(places); did you mean \"openai\"?"
    }
    #expect { try locator.find("xyz", .config, from: root) } throws: {
      "\($0)" == "there is no config \"xyz\"; looked for \(root)/xyz, \(places); there are: local, openai"
    }
  }

  @Test func whatShipsIsFoundWhereverTheProgramIs() {
    let directory = TestDirectory()
    let root = directory.path
    directory.write("installed/share/fleet/configs/default.toml", "")
    let installed = directory.write("installed/bin/fleet", "", mode: 0o700)
    #expect(Installation(executable: installed).sharedDirectory == root + "/installed/share/fleet")
    directory.write("package/Package.swift", "")
    directory.write("package/configs/default.toml", "")
    let built = directory.write("package/.build/debug/fleet", "", mode: 0o700)
    #expect(Installation(executable: built).sharedDirectory == root + "/package")
    #expect(Installation(executable: root + "/elsewhere/fleet").sharedDirectory == nil)

    let shim = directory.write("installed/libexec/fleet/fleet-shim", "", mode: 0o700)
    #expect(Installation(executable: installed).program("fleet-shim") == shim)
    let kernel = directory.write("package/.build/debug/fleet-kernel", "", mode: 0o700)
    #expect(Installation(executable: built).program("fleet-kernel") == kernel)
    #expect(Installation(executable: built).program("fleet-shim") == nil)
  }

  @Test func pathsAsText() {
    #expect(FilePath.resolve("a/b", against: "/x") == "/x/a/b")
    #expect(FilePath.resolve("./a", against: "/") == "/a")
    #expect(FilePath.resolve("/a", against: "/x") == "/a")
    #expect(
      FilePath.directory(of: "/a") == "/" && FilePath.directory(of: "/a/b") == "/a"
        && FilePath.directory(of: "a") == ".")
    #expect(FilePath.name(of: "/a/b") == "b" && FilePath.name(of: "b") == "b")
  }
}
