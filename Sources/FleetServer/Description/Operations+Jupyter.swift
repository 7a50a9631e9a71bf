// The Jupyter gateway API, as Jupyter's clients know it; docs/jupyter.md tells more.
import FleetEngine
import JSON

extension APIDescription {
  /// Whose parameters are not checked: JupyterLab puts the time behind its addresses, so that no cache answers.
  static let jupyterTag = "jupyter"

  static let jupyterOperations: [Operation] =
    [
      Operation(
        "GET", "/api", "getVersion", jupyterTag, "The version.",
        answers: [.json(Schema.object(["version": Schema.string]), "No token is needed.")]),
      Operation(
        "GET", "/api/status", "getJupyterStatus", jupyterTag, "Counts, and when something was done last.",
        answers: [
          .json(
            Schema.object([
              "connections": Schema.count, "kernels": Schema.count, "last_activity": Schema.time,
              "started": Schema.time,
            ]), "The host, as Jupyter sees it.")
        ]),
      Operation(
        "GET", "/api/me", "getIdentity", jupyterTag, "Who asks.",
        answers: [
          .json(
            Schema.object(["identity": ["type": "object"], "permissions": ["type": "object"]]), "As Jupyter says it.")
        ]),
      Operation(
        "GET", "/api/kernelspecs", "listKernelspecs", jupyterTag, "What can be started.",
        answers: [
          .json(
            Schema.object(["default": Schema.string, "kernelspecs": Schema.map(Schema.ref("Kernelspec"))]),
            "The kernelspecs by name.")
        ]),
      Operation(
        "GET", "/api/kernelspecs/{name}", "getKernelspec", jupyterTag, "One kernelspec.", [part("name")],
        answers: [.json(Schema.ref("Kernelspec"), "The kernelspec.")], errors: [.kernelspecNotFound]),
      Operation(
        "GET", "/kernelspecs/{name}/{file}", "getKernelspecFile", jupyterTag,
        "A logo, or another file of a kernelspec.",
        [part("name"), part("file")],
        answers: [.init(status: 200, about: "The file.", content: [("*/*", Schema.anything)])],
        errors: [.kernelspecNotFound, .notFound]),
      Operation(
        "GET", "/", "getWelcome", jupyterTag, "A page for people.",
        answers: [.init(status: 200, about: "It says what this is.", content: [("text/html", Schema.string)])]),
      Operation(
        "GET", "/tree", "getTree", jupyterTag, "The same, for clients that look whether a password is asked for.",
        answers: [.init(status: 200, about: "It is not.", content: [("text/html", Schema.string)])]),
    ] + jupyterKernelOperations + channelOperations + sessionOperations

  private static let jupyterKernelOperations: [Operation] = [
    Operation(
      "GET", "/api/kernels", "listJupyterKernels", jupyterTag, "The kernels.",
      answers: [.json(Schema.list(Schema.ref("JupyterKernel")), "Their models.")]),
    Operation(
      "POST", "/api/kernels", "startJupyterKernel", jupyterTag,
      "A kernel: as `admit` and `route` decide a new one, a warm one, or one that is shared.",
      [.idempotencyKey], body: .init(schema: Schema.ref("JupyterStart"), example: ["name": "lua"]),
      answers: [
        .init(
          status: 201, about: "It answers.", content: [("application/json", Schema.ref("JupyterKernel"))],
          headers: ["Location": "Where it is."])
      ], errors: startErrors),
    Operation(
      "GET", "/api/kernels/{kernel}", "getJupyterKernel", jupyterTag, "One kernel.", [part("kernel")],
      answers: [.json(Schema.ref("JupyterKernel"), "Its model.")], errors: [.kernelNotFound]),
    Operation(
      "DELETE", "/api/kernels/{kernel}", "stopJupyterKernel", jupyterTag, "Stop a kernel.", [part("kernel")],
      answers: [.none(204, "It has ended.")], errors: [.kernelNotFound, .wrongState, .storage, .timeout, .startFailed]),
    Operation(
      "POST", "/api/kernels/{kernel}/interrupt", "interruptJupyterKernel", jupyterTag, "Interrupt what it runs.",
      [part("kernel")], answers: [.none(204, "It was told.")], errors: [.kernelNotFound, .wrongState]),
    Operation(
      "POST", "/api/kernels/{kernel}/restart", "restartJupyterKernel", jupyterTag, "Restart a kernel.",
      [part("kernel")], answers: [.json(Schema.ref("JupyterKernel"), "It answers again.")],
      errors: [.kernelNotFound, .wrongState, .limit, .startFailed, .timeout, .storage]),
  ]

  private static let channelOperations: [Operation] = [
    Operation(
      "GET", "/api/kernels/{kernel}/channels", "openChannels", jupyterTag,
      "A WebSocket with the kernel's channels, in Jupyter's framings; docs/jupyter.md tells more.",
      [part("kernel"), .text("session_id", "Whose messages are kept while it is away.")],
      answers: [.none(101, "The WebSocket.")], errors: [.kernelNotFound])
  ]

  private static let sessionOperations: [Operation] = [
    Operation(
      "GET", "/api/sessions", "listSessions", jupyterTag, "The sessions.",
      answers: [.json(Schema.list(Schema.ref("JupyterSession")), "Their models.")]),
    Operation(
      "POST", "/api/sessions", "makeSession", jupyterTag,
      "A session for a notebook: the one that is there, or a new one with a kernel.",
      body: .init(
        schema: Schema.ref("SessionRequest"), isRequired: true,
        example: ["path": "a.ipynb", "type": "notebook", "kernel": ["name": "lua"]]),
      answers: [
        .init(
          status: 201, about: "The session.", content: [("application/json", Schema.ref("JupyterSession"))],
          headers: ["Location": "Where it is."])
      ], errors: startErrors + [.wrongState]),
    Operation(
      "GET", "/api/sessions/{session}", "getSession", jupyterTag, "One session.", [part("session")],
      answers: [.json(Schema.ref("JupyterSession"), "Its model.")], errors: [.sessionNotFound]),
    Operation(
      "PATCH", "/api/sessions/{session}", "changeSession", jupyterTag, "Another name, path or kernel.",
      [part("session")],
      body: .init(schema: Schema.ref("SessionRequest"), isRequired: true, example: ["name": "b"]),
      answers: [.json(Schema.ref("JupyterSession"), "As it is now.")],
      errors: startErrors + [.sessionNotFound, .wrongState]),
    Operation(
      "DELETE", "/api/sessions/{session}", "endSession", jupyterTag, "End a session, and its kernel.",
      [part("session")], answers: [.none(204, "It has ended.")],
      errors: [.sessionNotFound, .kernelNotFound, .wrongState, .storage, .timeout, .startFailed]),
  ]

  private static let startErrors: [EngineError.Code] = [
    .kernelNotFound, .kernelspecNotFound, .configNotFound, .nameTaken, .refused, .limit, .keyReused, .startFailed,
    .timeout, .storage,
  ]

  private static func part(_ name: String) -> Operation.Parameter {
    .init(
      name: name, place: .path, about: "Its id or name.", schema: Schema.text(most: 256, least: 1), isRequired: true)
  }

  static let jupyterSchemas: [String: JSON] = [
    "Kernelspec": Schema.object([
      "name": Schema.string, "spec": ["type": "object"], "resources": Schema.map(Schema.string),
    ]),
    "JupyterKernel": Schema.object(
      [
        "id": ["type": "string", "format": "uuid"], "name": Schema.string, "last_activity": Schema.time,
        "execution_state": Schema.string, "connections": Schema.count,
      ]),
    "JupyterSession": Schema.object(
      [
        "id": Schema.string, "path": Schema.string, "name": Schema.string, "type": Schema.string,
        "kernel": Schema.ref("JupyterKernel"), "notebook": ["type": "object"],
      ], optional: ["notebook"]),
  ].merging(jupyterRequestSchemas) { first, _ in first }

  /// Jupyter's clients send more than is known, and that is no mistake.
  static let jupyterRequestSchemas: [String: JSON] = [
    "JupyterStart": [
      "type": "object",
      "properties": [
        "name": Schema.plain(256), "path": Schema.plain(4096), "kernel_id": Schema.plain(64), "env": Schema.variables,
      ],
    ],
    "SessionRequest": [
      "type": "object",
      "properties": [
        "path": Schema.plain(4096), "name": Schema.plain(1024), "type": Schema.plain(64),
        "kernel": [
          "type": ["object", "null"],
          "properties": ["id": Schema.plain(64), "name": Schema.plain(256), "env": Schema.variables],
        ],
      ],
    ],
  ]
}
