// fleet kernelspec install: the Lua kernel as Jupyter finds it, and as fleet lists it.
import Foundation
import JSON
import Testing

struct KernelspecTests {
  @Test func installsForAPrefixAndForTheUser() throws {
    let directory = TestFiles.directory()
    defer { TestFiles.remove(directory) }
    let program = URL(fileURLWithPath: FleetProcess.executable).deletingLastPathComponent().path + "/fleet-kernel"
    let user = directory + "/.local/share/jupyter/kernels/fleet-lua"
    let prefixed = directory + "/env/share/jupyter/kernels/mine"
    for (arguments, name, folder) in [
      ([], "fleet-lua", user), (["--user"], "fleet-lua", user),
      (["--prefix", directory + "/env", "--name", "mine"], "mine", prefixed),
    ] {
      let result = try FleetProcess.run(["kernelspec", "install"] + arguments, in: directory)
      #expect(result.code == 0 && result.output == "\(name): \(folder)\n", "\(result)")
      let spec = try JSON(parsing: String(contentsOfFile: folder + "/kernel.json", encoding: .utf8))
      #expect(spec["argv"] == [.string(program), "start", "-f", "{connection_file}"])
      #expect(spec["interrupt_mode"] == "message")
      for size in [32, 64] {
        let image = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/logo-\(size)x\(size).png"))
        #expect(image.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]))
        // Width and height are the first words of the first chunk.
        #expect(image[16..<24].elementsEqual([0, 0, 0, UInt8(size), 0, 0, 0, UInt8(size)]))
        #expect(image.suffix(8).elementsEqual([0x49, 0x45, 0x4E, 0x44, 0xAE, 0x42, 0x60, 0x82]))
      }
    }
    let list = try FleetProcess.run(["kernelspec", "list"], in: directory)
    #expect(list.output.contains("fleet-lua  lua       Lua 5.4 (Fleet)"), "\(list)")
    #expect(list.output.contains(user))
  }

  @Test func refusesWhatItWouldSpoil() throws {
    let directory = TestFiles.directory()
    defer { TestFiles.remove(directory) }
    func install(_ arguments: String...) throws -> FleetProcess {
      try FleetProcess.run(["kernelspec", "install"] + arguments, in: directory)
    }
    let folder = directory + "/env/share/jupyter/kernels/python3"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try "{}".write(toFile: folder + "/kernel.json", atomically: true, encoding: .utf8)
    let other = try install("--prefix", directory + "/env", "--name", "python3")
    #expect(other.code == 1 && other.error.contains("describes another kernel; choose another name by --name"))
    #expect(try install("--name", "a/b").code == 1)
    let both = try install("--user", "--prefix", directory)
    #expect(both.code == 2 && both.error.contains("choose one"), "\(both)")
    let nowhere = try install("--prefix", "/proc")
    #expect(nowhere.code == 1 && nowhere.error.contains("cannot make the directory /proc/share"), "\(nowhere)")
  }
}
