// Kernels: what can be asked of them and done with them.
import FleetEngine
import JSON

extension APIDescription {
  static let kernelOperations: [Operation] = [
    Operation(
      "GET", "/kernels", "listKernels", "kernels", "List the kernels, in the order of spawning.",
      [
        .init(
          name: "status", about: "Only those with one of these, separated by commas.",
          schema: Schema.some(of: statuses), isRepeated: true),
        .text("language", "Only those of a language."), .text("pool", "Only those of a pool."),
        .text("owner", "Only those of an owner."), .text("name", "Only the one that is called so."),
        .init(
          name: "label", about: "Only those with a label, written KEY=VALUE; may come several times.",
          schema: [
            "type": "string",
            "pattern": "^[^=\\u0000-\\u001f\\u007f]{1,63}=[^\\u0000-\\u001f\\u007f]{0,256}$",
          ], isRepeated: true),
        .limit(10_000, default: nil),
        .init(
          name: "after", about: "The `next` of the page before.",
          schema: ["type": "string", "pattern": "^[0-9]{1,18}$"]),
      ],
      answers: [.json(Schema.ref("KernelPage"), "A page of kernels.")]),
    Operation(
      "POST", "/kernels", "spawnKernel", "kernels",
      "Start a kernel, or take one that a pool has ready; answers when it answers.", [.idempotencyKey],
      body: .init(schema: Schema.ref("SpawnRequest"), example: ["language": "lua", "labels": ["team": "a"]]),
      answers: [.json(Schema.ref("Spawned"), status: 201, "The kernel answers.")],
      errors: [
        .configNotFound, .kernelspecNotFound, .nameTaken, .refused, .limit, .keyReused, .startFailed, .timeout,
        .storage,
      ]),
    Operation(
      "DELETE", "/kernels", "stopAllKernels", "kernels", "Stop all kernels at once.", [.force, .timeout],
      answers: [.json(Schema.ref("Stopped"), "Which ended, and of the others why not.")], errors: [.storage]),
    Operation(
      "GET", "/kernels/{kernel}", "getKernel", "kernels", "One kernel, with its story.", [.kernel],
      answers: [.json(Schema.object(["kernel": Schema.ref("KernelWithStory")]), "The kernel.")],
      errors: [.kernelNotFound, .storage]),
    Operation(
      "DELETE", "/kernels/{kernel}", "stopKernel", "kernels", "Stop a kernel.", [.kernel, .force, .timeout],
      answers: [.json(kernelAnswer, "The kernel as it was at its end.")],
      errors: [.kernelNotFound, .wrongState, .storage, .timeout, .startFailed]),
    Operation(
      "POST", "/kernels/{kernel}/restart", "restartKernel", "kernels",
      "Restart a kernel; it keeps its id, ports and state.", [.kernel],
      answers: [.json(kernelAnswer, "It answers again.")],
      errors: [.kernelNotFound, .wrongState, .limit, .startFailed, .timeout, .storage]),
    Operation(
      "POST", "/kernels/{kernel}/interrupt", "interruptKernel", "kernels", "Interrupt what a kernel runs.", [.kernel],
      answers: [.json(kernelAnswer, "The kernel has the interrupt.")], errors: [.kernelNotFound, .wrongState, .timeout]),
    Operation(
      "GET", "/kernels/{kernel}/connection", "getConnection", "kernels",
      "What a connection file says, with its key: for clients on this machine that cannot read the file.", [.kernel],
      answers: [.json(Schema.object(["connection": connection]), "The connection.")], errors: [.kernelNotFound]),
    Operation(
      "GET", "/kernels/{kernel}/logs", "readKernelLog", "kernels", "The last lines of a kernel's log.",
      [
        .kernel,
        .init(name: "lines", about: "How many; 100 unless told.", schema: Schema.integer(0...10_000)),
      ],
      answers: [.json(Schema.object(["lines": Schema.list(Schema.string)]), "The oldest first.")],
      errors: [.kernelNotFound]),
    Operation(
      "POST", "/kernels/{kernel}/clients", "registerClient", "kernels",
      "A client on this machine says who it is; the host forgets it when its process ends.", [.kernel],
      body: .init(
        schema: Schema.input(
          [
            "name": Schema.plainText(200),
            "pid": Schema.integer(1...Int(Int32.max)),
          ], required: ["name", "pid"]), isRequired: true, example: ["name": "alice", "pid": 4711]),
      answers: [.json(clientsAnswer, "The others.")], errors: [.kernelNotFound]),
    Operation(
      "DELETE", "/kernels/{kernel}/clients/{pid}", "removeClient", "kernels", "A client has left.",
      [
        .kernel,
        .init(
          name: "pid", place: .path, about: "The pid that it registered with.",
          schema: Schema.integer(1...Int(Int32.max)), isRequired: true),
      ],
      answers: [.json(clientsAnswer, "Those who are left.")], errors: [.kernelNotFound]),
    Operation(
      "POST", "/find", "findKernel", "kernels",
      "A kernel that meets requirements, or a new one, as the routing policy decides.", [.idempotencyKey],
      body: .init(schema: Schema.ref("FindRequest"), example: ["language": "lua"]),
      answers: [
        .json(
          Schema.object(["kernel": Schema.ref("Kernel"), "decision": Schema.ref("Decision")]), "The kernel, and why it."
        )
      ],
      errors: [
        .kernelNotFound, .configNotFound, .kernelspecNotFound, .nameTaken, .refused, .limit, .keyReused, .startFailed,
        .timeout, .storage,
      ]),
  ]

  private static let connection: JSON = Schema.object([
    "transport": Schema.string, "ip": Schema.string, "key": Schema.string, "signature_scheme": Schema.string,
    "kernel_name": Schema.string, "shell_port": port, "iopub_port": port, "stdin_port": port, "control_port": port,
    "hb_port": port,
  ])
  private static let port = Schema.integer(1...65535)
  private static let statuses = Status.allCases.map(\.rawValue)
  private static let kernelAnswer = Schema.object(["kernel": Schema.ref("Kernel")])
  private static let clientsAnswer = Schema.object(["others": Schema.count, "clients": Schema.list(Schema.string)])
}
