// openapi.json is true: schemathesis tries what it says against a real host, and what it rules out.
import Foundation
import JSON
import Testing

extension EndToEnd {
  @Suite struct Description {
    /// Left out, because each would end what the others are tried on: `DELETE /kernels` and `POST /shutdown` by doing
    /// what they say; and the channels, which are a WebSocket. `GET /events` never ends; as JSON it does, and is tried so.
    private static let leftOut = ["stopAllKernels", "shutDown", "openChannels"]

    /// A kernel that dies of its own limits is a server error, and no mistake of the description.
    private static let few = """
      return {
        admit = function(request, fleet)
          if #fleet:list() >= 3 then return { reject = "three are enough for a test" } end
          local memory, cpu = request.memory or math.huge, request.cpu or math.huge
          local processes, files = request.processes or math.huge, request.open_files or math.huge
          if memory < 256 * 2^20 or cpu < 0.5 or processes < 64 or files < 64 then
            return { reject = "Python does not start with that" }
          end
          return { allow = {} }
        end,
      }
      """

    @Test func `schemathesis finds nothing that the description does not say`() async throws {
      let program = Built.package + "/.venv-api/bin/schemathesis"
      try #require(FileManager.default.isExecutableFile(atPath: program), "\(program) is missing: scripts/deps test")
      let configuration = "[host]\nhttp = \"127.0.0.1:0\"\n[policies]\nadmit = \"few.lua\"\n[gateway]\nenv = [\"*\"]\n"
      try await FleetFixture.with(configuration: configuration) { fleet in
        try Self.few.write(toFile: fleet.home + "/few.lua", atomically: true, encoding: .utf8)
        let (url, token) = try await fleet.startWeb()
        try await fleet.ok("spawn", "--name", "alice")
        let seed = Int.random(in: 0..<1_000_000)
        var arguments = [
          "--config-file", Built.package + "/Tests/FleetTests/schemathesis.toml", "run", "\(url)/openapi.json",
          // All checks run by themselves; naming them would overrule what the file says of some. Two workers would share
          // one Python, which fails now and then.
          "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "15", "--workers", "1",
          "--seed", "\(seed)", "--request-timeout", "20", "--max-failures", "20", "--no-color",
          "-H", "Authorization: Bearer \(token)", "-H", "Accept: application/json",
        ]
        for id in Self.leftOut { arguments += ["--exclude-operation-id", id] }
        let result = try await fleet.run(
          // It keeps what it found where it is run.
          "/bin/sh", ["-c", "cd \"$FLEET_HOME\" && exec \"$@\"", "sh", program] + arguments,
          environment: ["SCHEMATHESIS_HOOKS": Built.package + "/Tests/FleetTests/Python/schemathesis_hooks.py"],
          timeout: .seconds(240))
        #expect(result.code == 0, "seed \(seed): \(result.output.suffix(20_000))\n\(result.errors.suffix(2000))")
      }
    }
  }
}
