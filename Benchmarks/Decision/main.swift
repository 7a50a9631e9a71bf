// What a routing decision costs beside the same Lua function with the same persistent rows, called from plain C. All are
// taken on the thread that asks, in rounds in which they take turns. The ratio is to plain C that makes a table of the
// request, calls, and copies the answer and the reason; beside it, what the call alone takes.
//
//   Decision POLICIES     the directory of the policies that ship with the program

import FleetEngine
import Glibc
import PolicyHost

/// A policy that looks at every row itself, as one without the helpers would.
let scanning = """
  return {
    route = function(request, fleet)
      local language, best, least = request.language, nil, math.huge
      local kernels = fleet:list()
      for i = 1, #kernels do
        local kernel = kernels[i]
        if kernel.language == language and kernel.clients < least then best, least = kernel, kernel.clients end
      end
      return { use = best.id }, "fewest clients of " .. language
    end,
  }
  """

func makeRow(_ serial: Int) -> KernelRow {
  let digits = String(serial, radix: 16)
  let prefix = String(repeating: "0", count: 8 - digits.count) + digits
  guard let id = KernelID(uuid: "\(prefix)-1111-4222-8333-444455556666") else { fatalError("not a UUID") }
  var kernel = Kernel(
    id: id, serial: serial,
    specification: Specification(
      kernelspec: "fleet-lua", language: "lua", config: "/etc/llmspell/fleet/configs/openai.toml", provider: "openai",
      model: "gpt", name: nil), key: "", port: 9555 + 5 * serial)
  kernel.status = .idle
  kernel.connections = serial * 7919 % 97
  return KernelRow(kernel)
}

func column(_ text: String, _ width: Int) -> String {
  String(repeating: " ", count: max(0, width - text.count)) + text
}

func microseconds(_ duration: Duration) -> String {
  let hundredths = Int((duration.seconds * 1e8).rounded())
  return "\(hundredths / 100).\(hundredths % 100 / 10)\(hundredths % 10)"
}

func run() throws {
  let arguments = CommandLine.arguments
  guard arguments.count == 2 else {
    print("usage: Decision DIRECTORY-OF-POLICIES")
    exit(2)
  }
  let scanningPath = "/tmp/fleet-benchmark-\(getpid()).lua"
  guard let file = fopen(scanningPath, "w") else { fatalError("cannot write \(scanningPath)") }
  fputs(scanning, file)
  fclose(file)
  defer { unlink(scanningPath) }
  let question = RouteQuestion(
    requirements: Requirements(language: "lua", config: "openai.toml"), now: Instant(nanoseconds: 0), seed: 1)
  print("policy         kernels  call only µs  plain C µs  decision µs  ratio  with collection µs  bytes a row")
  for (name, path) in [("least_loaded", arguments[1] + "/least_loaded.lua"), ("a Lua loop", scanningPath)] {
    for count in [10, 100, 1000] {
      let measured = try PolicyMeasurement(path: path, rows: (1...count).map(makeRow), question: question)
      let ratio = Int((measured.decision / measured.bare * 100).rounded())
      print(
        name + column("\(count)", 22 - name.count) + column(microseconds(measured.callOnly), 14)
          + column(microseconds(measured.bare), 12) + column(microseconds(measured.decision), 13)
          + column("\(ratio / 100).\(ratio % 100 / 10)\(ratio % 10)", 7)
          + column(microseconds(measured.withCollection), 20) + column("\(measured.bytesPerRow)", 13))
    }
  }
}

try run()
