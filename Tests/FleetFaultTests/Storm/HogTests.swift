// Kernels that take more than is theirs, while others are used: memory, and a log without end.
import FleetClient
import Foundation
import Glibc
import JSON
import Testing

extension FaultTests {
  @Suite struct Hogs {
    @Test func `a log without end takes bounded room, and nobody else waits for it`() async throws {
      let configuration = "[logs]\nmax_size = \"1M\"\nkeep = 2\n"
      try await FaultFleet.with(configuration: configuration) { fleet in
        try fleet.up()
        let flood = try fleet.spawn("flood")
        let other = try fleet.spawn("other")
        // To the process's own output, and so through the shim: 32 MiB, or 1 GiB in make soak.
        let lines = Scale.count(32, long: 1024) * 1024
        let code = """
          local f = assert(io.open('/proc/self/fd/1', 'w'))
          local line = ('x'):rep(1023) .. '\\n'
          for i = 1, \(lines) do f:write(line) end
          f:close()
          return 'done'
          """
        let crew = Crew()
        crew.start("flood") {
          let said = try fleet.execute(code, connectionFile: flood.connectionFile, within: .seconds(500))
          if said != "done" { throw Problem("the flood said '\(said)'") }
        }
        var most = 0
        var looks = 0
        let busy = fleet.client()
        while try KernelRow(busy.kernel(flood.id)["kernel"] ?? .null).status != "busy", looks < 1000 {
          looks += 1
          usleep(2000)
        }
        repeat {
          #expect(try fleet.execute("return 1 + 1", connectionFile: other.connectionFile) == "2")
          most = max(most, Self.bytes(of: flood.id, fleet))
        } while try KernelRow(busy.kernel(flood.id)["kernel"] ?? .null).status == "busy"
        let problems = crew.wait()
        #expect(problems.isEmpty, "\(problems)")
        most = max(most, Self.bytes(of: flood.id, fleet))
        // Three files of a MiB, and one that is just being begun.
        #expect(most > 1 << 20 && most <= 4 << 20, "\(most) bytes of log")
        print("flood: \(lines / 1024) MiB written, at most \(most >> 10) KiB on the disk")
      }
    }

    private static func bytes(of id: String, _ fleet: FaultFleet) -> Int {
      let folder = fleet.home + "/logs"
      let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
      return names.filter { $0.hasPrefix(id) }.reduce(0) { sum, name in
        // One that was just renamed is counted under its new name, or not at all.
        sum + ((try? FileManager.default.attributesOfItem(atPath: "\(folder)/\(name)")[.size] as? Int) ?? 0)
      }
    }
  }
}
