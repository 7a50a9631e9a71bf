// The kernelspec that Jupyter finds.
import Glibc
import JSON
import Testing

@testable import LuaKernel

@Suite struct InstallationTests {
  @Test func writesAKernelspec() throws {
    try withTemporaryDirectory { directory in
      let program = try KernelProcess.executable
      let command = [program, "install", "--prefix", directory + "/env", "--name", "mine"]
      for _ in 1...2 {
        let process = try TestProcess(command, output: directory + "/output")
        #expect(try process.end() == 0)
      }
      let folder = directory + "/env/share/jupyter/kernels/mine"
      #expect(contents(of: directory + "/output").hasPrefix("mine: \(folder)\n"))
      let spec = try JSON(parsing: contents(of: folder + "/kernel.json"))
      #expect(spec["argv"] == [.string(program), "start", "-f", "{connection_file}"])
      #expect(spec["interrupt_mode"] == "message")
      #expect(spec["language"] == "lua")
      #expect(contents(of: folder + "/logo-svg.svg").hasPrefix("<svg"))
    }
  }

  @Test func goesWhereJupyterLooks() throws {
    try withTemporaryDirectory { directory in
      for (variable, place) in [
        ("JUPYTER_DATA_DIR", "/d"), ("XDG_DATA_HOME", "/d/jupyter"), ("HOME", "/d/.local/share/jupyter"),
      ] {
        var environment = ["JUPYTER_DATA_DIR": "", "XDG_DATA_HOME": ""]
        environment[variable] = directory + "/d"
        let process = try TestProcess([try KernelProcess.executable, "install"], environment: environment)
        #expect(try process.end() == 0)
        #expect(access(directory + place + "/kernels/fleet-lua/kernel.json", R_OK) == 0)
      }
    }
  }

  @Test func refusesWhatItWouldSpoil() throws {
    try withTemporaryDirectory { directory in
      let program = try KernelProcess.executable
      var installation = KernelspecInstallation(place: .prefix(directory), name: "other", program: program)
      let folder = try installation.install()
      try write(#"{"argv": ["other"], "language": "lua"}"#, to: folder + "/kernel.json")
      #expect(throws: KernelspecInstallation.Failure.self) { try installation.install() }
      #expect(contents(of: folder + "/kernel.json").contains("other"))
      for name in ["", "..", "a/b", "é"] {
        installation.name = name
        #expect(throws: KernelspecInstallation.Failure.self, "\(name)") { try installation.install() }
      }
      (installation.name, installation.program) = ("new", directory + "/none")
      #expect(throws: KernelspecInstallation.Failure.self) { try installation.install() }
      (installation.place, installation.program) = (.prefix("/proc"), program)
      #expect(throws: KernelspecInstallation.Failure.self) { try installation.install() }
      #expect(throws: UsageError.self) { try KernelOptions.parse(["install", "--prefix"]) }
      #expect(throws: UsageError.self) { try KernelOptions.parse(["install", "--nosuch"]) }
    }
  }
}
