// Kernels and sessions of Jupyter's clients, on a real host with real kernels.

import FleetConfiguration
import FleetEngine
import Foundation
import JSON
import Testing

@testable import FleetCore

@Suite struct JupyterHostTests {
  /// A host that has the Lua kernel, which starts in milliseconds.
  private func start(
    _ fleet: HostFixture, _ change: (inout FleetHost.Setup) -> Void = { _ in }
  ) throws -> FleetHost {
    let luaKernel = URL(filePath: LaunchFixture.shim).deletingLastPathComponent().path + "/fleet-kernel"
    return try fleet.start { setup in
      setup.luaKernel = luaKernel
      setup.builtInResources = { ["logo-64x64.png": [1, 2, 3]] }
      change(&setup)
    }
  }

  private func session(_ path: String, _ more: JSON = [:]) throws -> SessionRequest {
    var document: JSON = ["path": .string(path), "type": "notebook", "name": "n", "kernel": ["name": "lua"]]
    for (name, value) in more.object ?? [:] { document[name] = value }
    return try SessionRequest(json: document)
  }

  private func kernels(_ host: FleetHost, as viewer: Viewer = .everyone) async throws -> [JSON] {
    try #require(try JSON(parsing: await host.jupyterKernels(as: viewer)).array)
  }

  private func kernelID(_ session: JSON) throws -> String { try #require(session["kernel"]?["id"]?.string) }

  // MARK: Kernels

  @Test func aKernelIsStartedListedAndStopped() async throws {
    try await HostFixture.with { fleet in
      let host = try start(fleet)
      let model = try await host.jupyterStart(try JupyterStart(json: ["name": "lua"]), as: .everyone)
      #expect(Set(model.object?.keys ?? [:].keys) == ["id", "name", "last_activity", "execution_state", "connections"])
      #expect(model["name"] == "lua" && model["execution_state"] == "idle" && model["connections"] == 0)
      let id = try #require(model["id"]?.string)
      #expect(KernelID(uuid: id) != nil)
      #expect(
        try #require(model["last_activity"]?.string).wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z/) != nil)
      #expect(try await kernels(host) == [try await host.jupyterKernel(id, as: .everyone)])
      let own = try await host.kernel(id)
      #expect(own["labels"] == ["source": "jupyter"], "people see where it comes from")
      #expect(try await host.jupyterRestart(id, as: .everyone)["id"] == .string(id))
      try await host.jupyterInterrupt(id, as: .everyone)
      #expect(await host.jupyterStatus(as: .everyone)["kernels"] == 1)
      try await host.jupyterStop(id, as: .everyone)
      #expect(try await kernels(host) == [])
      #expect(await refusal { try await host.jupyterKernel(id, as: .everyone) }?.code == .kernelNotFound)
    }
  }

  @Test func otherOwnersKernelsAreNotThere() async throws {
    try await HostFixture.with { fleet in
      let host = try start(fleet)
      let (ann, bob) = (Viewer(owner: "ann"), Viewer(owner: "bob"))
      let hers = try await host.jupyterStart(try JupyterStart(json: ["name": "lua"]), as: ann)
      let id = try #require(hers["id"]?.string)
      _ = try await host.spawn(SpawnRequest(json: ["language": "lua", "name": "nobodys"]))
      #expect(try await kernels(host, as: ann).map { $0["id"] } == [hers["id"]])
      #expect(try await kernels(host, as: bob) == [])
      #expect(try await kernels(host).count == 2, "what fleet spawn started is listed, too")
      #expect(await refusal { try await host.jupyterKernel(id, as: bob) }?.code == .kernelNotFound)
      #expect(await refusal { try await host.jupyterStop(id, as: bob) }?.code == .kernelNotFound)
      // The same path is another notebook for each of them.
      let hersToo = try await host.jupyterMakeSession(try session("x.ipynb"), as: ann)
      let his = try await host.jupyterMakeSession(try session("x.ipynb"), as: bob)
      #expect(hersToo["id"] != his["id"])
      #expect(await host.jupyterSessions(as: bob) == [his])
      let taken = try JupyterStart(json: ["name": "lua", "kernel_id": .string(id)])
      #expect(await refusal { try await host.jupyterStart(taken, as: bob) }?.code == .nameTaken)
      #expect(try await host.jupyterStart(taken, as: ann)["id"] == .string(id), "to her it is hers")
    }
  }

  @Test func aClientMayChooseTheIDAndComesBackToIt() async throws {
    try await HostFixture.with { fleet in
      let host = try start(fleet)
      let id = "11111111-2222-4333-8444-555555555555"
      let wanted = try JupyterStart(json: ["name": "lua", "kernel_id": .string(id)])
      #expect(try await host.jupyterStart(wanted, as: .everyone)["id"] == .string(id))
      #expect(try await host.jupyterStart(wanted, as: .everyone)["id"] == .string(id))
      #expect(try await kernels(host).count == 1)
      let wrong = try JupyterStart(json: ["kernel_id": "mine"])
      #expect(await refusal { try await host.jupyterStart(wrong, as: .everyone) }?.code == .badRequest)
    }
  }

  @Test func eachKernelHasTheVariablesOfItsOwnRequestAndNoOthers() async throws {
    try await HostFixture.with { fleet in
      let host = try start(fleet)
      try await withThrowingTaskGroup { group in
        for number in 1...8 {
          group.addTask {
            let start = try JupyterStart(
              json: [
                "name": "lua",
                "env": ["KERNEL_N\(number)": "\(number)", "LD_PRELOAD": "/evil.so", "SECRET": "s", "PATH": "/evil"],
              ])
            let model = try await host.jupyterStart(start, as: .everyone)
            let kernel = try await host.kernel(try #require(model["id"]?.string))
            let seen = try await fleet.execute(
              kernel,
              """
              local seen = {}
              for n = 1, 8 do seen[#seen + 1] = os.getenv("KERNEL_N" .. n) end
              print(table.concat(seen, ","), os.getenv("LD_PRELOAD"), os.getenv("SECRET"), os.getenv("PATH"))
              """)
            #expect(seen == "\(number)\tnil\tnil\t/usr/local/bin:/usr/bin:/bin")
          }
        }
        try await group.waitForAll()
      }
      #expect(
        fleet.log.lines.contains {
          $0.contains("a Jupyter client may not set LD_PRELOAD, PATH, SECRET; see [gateway] env in fleet.toml")
        })
      let refused = try SpawnRequest(json: [
        "language": "lua", "env_vars": ["LD_PRELOAD": "/evil.so", "KERNEL_A": "1"],
      ])
      let error = await refusal { try await host.checkEnvironment(of: refused) }
      #expect(error?.code == .badRequest)
      #expect(error?.message.contains("LD_PRELOAD") == true && error?.message.contains("KERNEL_A") == false)
      let fine = try SpawnRequest(json: ["config": .string(try keyed(fleet)), "env_vars": ["MY_KEY": "k"]])
      try await host.checkEnvironment(of: fine)
    }
  }

  /// A config that names a key.
  private func keyed(_ fleet: HostFixture) throws -> String {
    let path = fleet.directory.path + "/keyed.toml"
    try "[llm]\nprovider = \"openai\"\nmodel = \"m\"\napi_key_env = \"MY_KEY\"\n".write(
      toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  @Test func aKernelStartsWhereItsNotebookIs() async throws {
    try await HostFixture.with { fleet in
      let place = try TemporaryDirectory()
      let root = URL(filePath: place.path).resolvingSymlinksInPath().path
      try FileManager.default.createDirectory(atPath: root + "/a/b", withIntermediateDirectories: true)
      let host = try start(fleet) { $0.configuration.gateway.root = root }
      for (document, expected) in [
        (["path": "a/b/x.ipynb"], "/a/b"), (["path": "/a"], "/a"), (["path": "gone/x.ipynb"], ""),
        (["path": "x", "env": ["KERNEL_WORKING_DIR": .string(root + "/a")]], "/a"),
      ] as [(JSON, String)] {
        var document = document
        document["name"] = "lua"
        let model = try await host.jupyterStart(try JupyterStart(json: document), as: .everyone)
        let kernel = try await host.kernel(try #require(model["id"]?.string))
        let pid = try #require(kernel.pid)
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/cwd") == root + expected)
      }
    }
  }

  @Test func aWarmKernelIsTakenByAClientThatSetsNothingOfItsOwn() async throws {
    try await HostFixture.with { fleet in
      let host = try start(fleet) { setup in
        var pool = FleetConfiguration.Pool()
        pool.kernelspec = "lua"
        (pool.warm, pool.maximum) = (1, 3)
        setup.configuration.pools = ["lua": pool]
      }
      while await host.pools()["pools"]?[0]?["free"] != 1 { try await Task.sleep(for: .milliseconds(10)) }
      #expect(try await kernels(host) == [], "nobody has it")
      let warm = try #require(await host.kernels().first?["uuid"])
      let start = try JupyterStart(
        json: ["name": "lua", "env": ["KERNEL_USERNAME": "ann", "KERNEL_LAUNCH_TIMEOUT": "40"]])
      let model = try await host.jupyterStart(start, as: .everyone)
      #expect(model["id"] == warm)
      #expect(try await kernels(host).map { $0["id"] } == [warm])
    }
  }

  // MARK: Sharing

  @Test func whereKernelsAreSharedTheRoutePolicyDecides() async throws {
    try await HostFixture.with { fleet in
      let host = try start(fleet) { $0.configuration.gateway.share = true }
      let first = try await host.jupyterMakeSession(try session("x.ipynb"), as: .everyone)
      let second = try await host.jupyterMakeSession(try session("y.ipynb"), as: .everyone)
      #expect(try kernelID(first) == kernelID(second), "the native rule shares")
      fleet.policies.answer.withLock {
        $0 = { question in
          let wanted = question.requirements
          let text = [wanted?.source, wanted?.path, wanted?.kernelspec, wanted?.session].map { $0 ?? "?" }
          return PolicyAnswer(
            answer: .route(.spawn(config: nil, language: nil)), reason: text.joined(separator: " "), policy: "test")
        }
      }
      let third = try await host.jupyterMakeSession(try session("z.ipynb"), as: .everyone)
      #expect(try kernelID(third) != kernelID(first))
      let decisions = try await host.decisions(DecisionQuery())["decisions"]
      #expect(decisions?[0]?["reason"] == "jupyter z.ipynb lua jupyter::z.ipynb")
      #expect(try await host.kernel(try kernelID(third))["labels"] == ["source": "jupyter"])
    }
  }

  @Test func aRefusalIsThePolicysSentence() async throws {
    try await HostFixture.with { fleet in
      fleet.policies.wanted.withLock { $0 = [.admit] }
      fleet.policies.answer.withLock {
        $0 = { question in
          guard case .admit(let specification) = question.subject else { return PolicyAnswer() }
          let isJupyter = specification.labels["source"] == "jupyter"
          return PolicyAnswer(
            answer: .admit(isJupyter ? .reject("no notebooks today") : .allow(limits: FleetEngine.Limits())))
        }
      }
      let host = try start(fleet)
      let error = await refusal { try await host.jupyterMakeSession(try session("x.ipynb"), as: .everyone) }
      #expect(error == EngineError(.refused, "refused by policy: no notebooks today"))
      #expect(await host.jupyterSessions(as: .everyone) == [])
      _ = try await host.spawn(SpawnRequest(json: ["language": "lua"]))
    }
  }

  // MARK: Sessions

  @Test func aPathHasOneSessionHoweverManyAskAtOnce() async throws {
    try await HostFixture.with { fleet in
      let host = try start(fleet)
      let sessions = try await withThrowingTaskGroup(of: JSON.self) { group in
        for _ in 1...6 { group.addTask { try await host.jupyterMakeSession(try session("x.ipynb"), as: .everyone) } }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(Set(sessions.map { $0["id"] }).count == 1)
      #expect(try await kernels(host).count == 1)
      let model = sessions[0]
      #expect(model["path"] == "x.ipynb" && model["type"] == "notebook" && model["name"] == "n")
      #expect(model["notebook"] == ["path": "x.ipynb", "name": "n"])
      #expect(await host.jupyterSessions(as: .everyone) == [model])
      #expect(try await host.jupyterSession(try #require(model["id"]?.string), as: .everyone) == model)
    }
  }

  @Test func aSessionMovesToAnotherPathAndKernel() async throws {
    try await HostFixture.with { fleet in
      let host = try start(fleet)
      let made = try await host.jupyterMakeSession(try session("x.ipynb"), as: .everyone)
      let id = try #require(made["id"]?.string)
      let moved = try await host.jupyterChangeSession(
        id, SessionRequest(json: ["path": "y.ipynb", "name": "y"]), as: .everyone)
      #expect(moved["path"] == "y.ipynb" && moved["name"] == "y" && moved["kernel"]?["id"] == made["kernel"]?["id"])
      // A new kernel takes the place of the old one, which nobody else has.
      let changed = try await host.jupyterChangeSession(
        id, SessionRequest(json: ["kernel": ["name": "lua"]]), as: .everyone)
      #expect(try kernelID(changed) != kernelID(made))
      #expect(try await kernels(host).map { $0["id"] } == [changed["kernel"]?["id"]])
      // Somebody else's kernel is attached to, and stays when the session leaves it.
      let spawned = try await host.spawn(SpawnRequest(json: ["language": "lua"]))
      let uuid = try #require(spawned["uuid"]?.string)
      let attached = try await host.jupyterChangeSession(
        id, SessionRequest(json: ["kernel": ["id": .string(uuid)]]), as: .everyone)
      #expect(try kernelID(attached) == uuid)
      _ = try await host.jupyterChangeSession(id, SessionRequest(json: ["kernel": ["name": "lua"]]), as: .everyone)
      #expect(try await kernels(host).contains { $0["id"] == .string(uuid) })
      let gone = try SessionRequest(json: ["kernel": ["id": "11111111-2222-4333-8444-555555555555"]])
      #expect(await refusal { try await host.jupyterChangeSession(id, gone, as: .everyone) }?.code == .badRequest)
      _ = try await host.jupyterMakeSession(try session("z.ipynb"), as: .everyone)
      let clash = try SessionRequest(json: ["path": "z.ipynb"])
      #expect(await refusal { try await host.jupyterChangeSession(id, clash, as: .everyone) }?.code == .nameTaken)
    }
  }

  @Test func ofTwoThatMoveToOnePathOneIsRefusedAndNoKernelIsLeft() async throws {
    try await HostFixture.with { fleet in
      let host = try start(fleet)
      let ids = try await [
        host.jupyterMakeSession(session("x.ipynb"), as: .everyone),
        host.jupyterMakeSession(session("y.ipynb"), as: .everyone),
      ].map { try #require($0["id"]?.string) }
      let refusals = try await withThrowingTaskGroup(of: EngineError.Code?.self) { group in
        for id in ids {
          let change = try SessionRequest(json: ["path": "z.ipynb", "kernel": ["name": "lua"]])
          group.addTask { await refusal { try await host.jupyterChangeSession(id, change, as: .everyone) }?.code }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(refusals.count { $0 == .nameTaken } == 1 && refusals.contains(nil))
      #expect(try await kernels(host).count == 2)
      #expect(await host.jupyterSessions(as: .everyone).array?.count == 2)
    }
  }

  /// Whichever is first: a session that was just made is not ended by who meant the one before.
  @Test func aSessionThatEndsAndOneThatBeginsDoNotMix() async throws {
    try await HostFixture.with { fleet in
      let host = try start(fleet)
      for _ in 0..<8 {
        let made = try await host.jupyterMakeSession(try session("x.ipynb"), as: .everyone)
        let id = try #require(made["id"]?.string)
        async let end: Void = host.jupyterEndSession(id, as: .everyone)
        async let again = host.jupyterMakeSession(try session("x.ipynb"), as: .everyone)
        _ = try await (end, again)
        let left = await host.jupyterSessions(as: .everyone).array ?? []
        #expect(try await kernels(host).map { $0["id"] } == left.map { $0["kernel"]?["id"] })
        for session in left { try await host.jupyterEndSession(session["id"]?.string ?? "", as: .everyone) }
      }
    }
  }

  @Test func anIdThatTwoChooseAtOnceIsGivenToOne() async throws {
    try await HostFixture.with { fleet in
      fleet.policies.wanted.withLock { $0 = [.admit] }
      fleet.policies.answer.withLock {
        $0 = { _ in
          usleep(50_000)
          return PolicyAnswer(answer: .admit(.allow(limits: FleetEngine.Limits())))
        }
      }
      let host = try start(fleet)
      let id = "11111111-2222-4333-8444-555555555555"
      let refusals = try await withThrowingTaskGroup(of: EngineError.Code?.self) { group in
        for _ in 0..<2 {
          let wanted = try JupyterStart(json: ["name": "lua", "kernel_id": .string(id)])
          group.addTask { await refusal { try await host.jupyterStart(wanted, as: .everyone) }?.code }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(refusals.count { $0 == .nameTaken } == 1 && refusals.contains(nil))
    }
  }

  @Test func theLastSessionTakesItsKernelAlong() async throws {
    try await HostFixture.with { fleet in
      let host = try start(fleet)
      let first = try await host.jupyterMakeSession(try session("x.ipynb"), as: .everyone)
      let kernel: JSON = ["kernel": ["id": .string(try kernelID(first))]]
      let second = try await host.jupyterMakeSession(try session("y.ipynb", kernel), as: .everyone)
      #expect(try kernelID(second) == kernelID(first))
      try await host.jupyterEndSession(try #require(first["id"]?.string), as: .everyone)
      #expect(try await kernels(host).count == 1)
      try await host.jupyterEndSession(try #require(second["id"]?.string), as: .everyone)
      #expect(try await kernels(host) == [])
      #expect(await host.jupyterSessions(as: .everyone) == [])
      let id = try #require(second["id"]?.string)
      #expect(await refusal { try await host.jupyterEndSession(id, as: .everyone) }?.code == .sessionNotFound)
    }
  }

  @Test func sessionsOutliveTheHostAndEndWithTheirKernels() async throws {
    try await HostFixture.with { fleet in
      var host = try start(fleet)
      let kept = try await host.jupyterMakeSession(try session("x.ipynb"), as: Viewer(owner: "ann"))
      let other = try await host.jupyterMakeSession(try session("y.ipynb"), as: .everyone)
      let dying = try await host.kernel(try kernelID(other))
      try await fleet.drop()
      // What ends while no host runs is found by the next one: a kernel that was killed comes back, a stopped one not.
      _ = kill(try #require(dying.pid), SIGKILL)
      host = try start(fleet)
      let sessions = try #require(await host.jupyterSessions(as: .everyone).array)
      #expect(sessions.map { $0["id"] } == [kept["id"], other["id"]])
      #expect(sessions[0]["kernel"]?["id"] == kept["kernel"]?["id"])
      #expect(await host.jupyterSessions(as: Viewer(owner: "ann")).array?.count == 1)
      try await host.jupyterStop(try kernelID(kept), as: .everyone)
      #expect(await host.jupyterSessions(as: .everyone).array?.count == 1)
      try await fleet.drop()
      host = try start(fleet)
      #expect(await host.jupyterSessions(as: .everyone).array?.map { $0["id"] } == [other["id"]])
      // The path is free again, and gets another session.
      let again = try await host.jupyterMakeSession(try session("x.ipynb"), as: Viewer(owner: "ann"))
      #expect(again["id"] != kept["id"])
      try await fleet.drop(kernels: true)
    }
  }

  @Test func aNotebookWhoseKernelHasEndedGetsAnother() async throws {
    try await HostFixture.with { fleet in
      let host = try start(fleet)
      let made = try await host.jupyterMakeSession(try session("x.ipynb"), as: .everyone)
      let kernel = try await host.kernel(try kernelID(made))
      _ = try? await fleet.execute(kernel, "os.exit(0)", within: .seconds(5))
      while try await host.kernel(kernel.id)["status"] != "exited" { try await Task.sleep(for: .milliseconds(10)) }
      #expect(await host.jupyterSessions(as: .everyone)[0]?["kernel"]?["execution_state"] == "dead")
      let again = try await host.jupyterMakeSession(try session("x.ipynb"), as: .everyone)
      #expect(again["id"] == made["id"])
      #expect(try kernelID(again) != kernelID(made))
      #expect(again["kernel"]?["execution_state"] == "idle")
    }
  }

  // MARK: Kernelspecs and culling

  @Test func kernelspecsHaveResourcesAndNoSecrets() async throws {
    try await HostFixture.with { fleet in
      let host = try start(fleet) { $0.configuration.kernelspecs["python3"]?.environment = ["KEY": "secret"] }
      let all = await host.jupyterKernelspecs()
      #expect(all["default"] == "python3")
      let lua = try #require(all["kernelspecs"]?["lua"])
      #expect(lua == (try await host.jupyterKernelspec("lua")))
      #expect(lua["name"] == "lua" && lua["resources"] == ["logo-64x64": "/kernelspecs/lua/logo-64x64.png"])
      #expect(lua["spec"]?["argv"]?.array?.isEmpty == false)
      for member in ["display_name", "language", "interrupt_mode"] { #expect(lua["spec"]?[member]?.string != nil) }
      #expect(all["kernelspecs"]?["python3"]?["spec"]?["env"] == [:])
      #expect(try await host.jupyterResource("lua", "logo-64x64.png").bytes == [1, 2, 3])
      for (name, file) in [("lua", "x.png"), ("nothing", "logo-64x64.png"), ("python3", "logo-64x64.png")] {
        #expect(await refusal { try await host.jupyterResource(name, file) }?.code == .kernelspecNotFound)
      }
    }
  }

  @Test func anIdleKernelOfJupyterIsCulledAndNoOther() async throws {
    try await HostFixture.with { fleet in
      fleet.policies.wanted.withLock { $0 = [.scale] }
      fleet.policies.answer.withLock {
        $0 = { question in
          guard case .scale(let view) = question.subject, view.name == "jupyter" else { return PolicyAnswer() }
          return PolicyAnswer(answer: .scale(ScaleAnswer(wanted: 0, retire: ["mine", "spawned"])), reason: "away")
        }
      }
      let host = try start(fleet) { $0.configuration.gateway.cullInterval = .milliseconds(100) }
      _ = try await host.spawn(SpawnRequest(json: ["language": "lua", "name": "spawned"]))
      _ = try await host.spawn(
        SpawnRequest(json: ["language": "lua", "name": "mine", "labels": ["source": "jupyter"]]))
      while await host.kernels().count > 1 { try await Task.sleep(for: .milliseconds(20)) }
      #expect(await host.kernels().first?["name"] == "spawned")
    }
  }
}
