// Executions through WebSockets: beside ZeroMQ without a host between, and beside Jupyter Server with the same kernel.
import FleetClient
import Foundation
import JupyterProtocol

enum WebSocketBenchmark: Benchmark {
  static let name = "websocket"
  static let summary = "execute `1` through the gateway's WebSockets, over ZeroMQ, and through Jupyter Server"

  private static let kernels = 100
  private static let clients = 1000

  static func run(_ setting: Setting, _ report: inout Report) throws {
    try latency(setting, &report)
    let ours = try throughput(setting, &report)
    let theirs = try jupyterServer(setting, &report)
    report.add(
      Figure(
        name: "executions per second of \(clients) WebSockets on \(kernels) kernels, by Jupyter Server", aim: "≥ 10.0×",
        measured: Text.ratio(ours / theirs), isMet: ours >= 10 * theirs))
  }

  /// Both clients read every message that belongs to their request, and parse it.
  private static func latency(_ setting: Setting, _ report: inout Report) throws {
    try BenchFleet.with(setting.executables, web: true) { fleet in
      for language in ["lua", "python"] {
        let document = try fleet.client.spawn(["language": .string(language)])["kernel"] ?? .null
        let kernel = try BenchFleet.Kernel(document)
        let direct = try kernel.connect()
        try direct.waitUntilReady(timeout: .seconds(30))
        let socket = try KernelSocket(fleet.web(), kernel: kernel.uuid)
        var (overZeroMQ, overSocket) = (Samples(), Samples())
        let rounds = setting.rounds(language == "lua" ? 3000 : 300)
        for round in 0..<(rounds + 50) {
          let one = try time { guard try direct.execute(ExecuteRequest("1")).outcome == .ok else { throw failed } }
          let other = try time { try socket.executeToIdle() }
          guard round >= 50 else { continue }
          overZeroMQ.add(one)
          overSocket.add(other)
        }
        report.line("\(language) over ZeroMQ, to idle", overZeroMQ)
        report.line("\(language) over WebSocket, to idle", overSocket)
        report.add(
          Figure(
            "execute `1` over WebSocket, by ZeroMQ (\(language))", overSocket.median / overZeroMQ.median, atMost: 1.3,
            Text.ratio))
      }
    }
  }

  private static let failed = Failure("the execution failed")

  private static func time(_ body: () throws -> Void) throws -> Duration {
    let start = ContinuousClock.now
    try body()
    return ContinuousClock.now - start
  }

  /// - Returns: executions per second.
  private static func throughput(_ setting: Setting, _ report: inout Report) throws -> Double {
    try BenchFleet.with(setting.executables, ports: 5 * kernels, web: true) { fleet in
      let ids = try fleet.spawn(kernels).map(\.uuid)
      let (memory, descriptors) = (try ProcessUse.privateMemory(of: fleet.host), Self.descriptors(of: fleet.host))
      // In a scope of their own: they disconnect at its end.
      let executions = try {
        let load = try SocketLoad(fleet.web(), kernels: ids, clients: clients)
        try wait(for: "all clients to be counted") {
          try fleet.client.kernels()["kernels"]?.array?.reduce(0) { $0 + ($1["connections"]?.int ?? 0) }
            == Int64(clients)
        }
        let each = (try ProcessUse.privateMemory(of: fleet.host) - memory) / Double(clients)
        report.line("private memory of the host per connected WebSocket", Text.megabytes(each))
        report.add(Figure("private memory per connected WebSocket", each, atMost: 0.2 * 1_048_576, Text.megabytes))
        return try Self.rate(load, "Fleet", fleet.host, setting, report)
      }()
      try wait(for: "the descriptors to be closed") { Self.descriptors(of: fleet.host) <= descriptors + 2 }
      report.line("descriptors of the host before and after: \(descriptors), \(Self.descriptors(of: fleet.host))")
      return executions
    }
  }

  /// With as many clients as it takes: it opens several ZeroMQ sockets for each, of which a context has 1,023.
  private static func jupyterServer(_ setting: Setting, _ report: inout Report) throws -> Double {
    var refusal = Failure("Jupyter Server takes no clients")
    for clients in [150, 100, 50] {
      do { return try jupyterServer(setting, clients: clients, &report) } catch let error as Failure {
        report.line("Jupyter Server with \(clients) clients: \(error)")
        refusal = error
      }
    }
    throw refusal
  }

  private static func jupyterServer(_ setting: Setting, clients: Int, _ report: inout Report) throws -> Double {
    let directory = try TemporaryDirectory.make("jupyter")
    defer { try? FileManager.default.removeItem(atPath: directory) }  // what is left in /tmp spoils no figure
    try Child.run([setting.executables.fleet, "kernelspec", "install", "--prefix", directory])
    let server = try JupyterServer(prefix: directory, in: directory)
    defer { server.end() }
    let ids = try server.start(kernels, spec: "lua")
    let load = try SocketLoad(server.server, kernels: ids, clients: clients)
    return try rate(load, "Jupyter Server with \(clients) clients", server.pid, setting, report)
  }

  private static func rate(
    _ load: SocketLoad, _ name: String, _ pid: Int32, _ setting: Setting, _ report: Report
  ) throws -> Double {
    let seconds = 10 * setting.effort
    let before = try ProcessUse.cpuTime(of: pid)
    let outcome = try load.run(warmUp: .seconds(3), for: .seconds(seconds))
    let cpu = try ProcessUse.cpuTime(of: pid) - before
    let rate = Double(outcome.executions) / outcome.seconds
    guard outcome.executions > 0 else { throw Failure("\(name) executed nothing") }
    report.line(
      "\(name): \(Int(rate)) executions a second, \(Int(Double(outcome.messages) / outcome.seconds)) messages; "
        + "the clients take \(Text.percent(outcome.cpu / outcome.seconds)) of a core, "
        + "the server \(Text.percent(cpu / (outcome.seconds + 3)))")
    return rate
  }

  private static func descriptors(of pid: Int32) -> Int {
    ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd")) ?? []).count
  }
}
