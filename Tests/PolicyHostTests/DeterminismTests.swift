// A decision is a function of the policy, its inputs, its memory and the seed: each policy of this repository is asked the
// same things in two processes, in which Lua hashes strings differently.

import FleetEngine
import Glibc
import PolicyHost
import Testing

@Suite(.serialized) struct DeterminismTests {
  /// Inputs for each policy, changes of rows and questions: enough for a look in between. `make test` sets
  /// FLEET_TEST_INPUTS to 100,000, which takes a minute and a half in a debug build.
  private static let inputs = getenv("FLEET_TEST_INPUTS").flatMap { Int(String(cString: $0)) } ?? 5_000
  /// The environment of the other process names the file where it writes what it found.
  private static let report = "FLEET_DETERMINISM_REPORT"

  private static let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()

  /// All policies of `policies/`, without their tests.
  static var policies: [String] {
    var found: [String] = []
    var folders = [root + "/policies"]
    while let folder = folders.popLast() {
      guard let directory = opendir(folder) else { continue }
      defer { closedir(directory) }
      while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        if name.hasPrefix(".") { continue }
        if name.hasSuffix(".lua"), !name.hasSuffix(".test.lua") { found.append("\(folder)/\(name)") }
        if entry.pointee.d_type == UInt8(DT_DIR) { folders.append("\(folder)/\(name)") }
      }
    }
    return found.sorted()
  }

  @Test(.timeLimit(.minutes(10))) func policiesDecideTheSameTwice() throws {
    if let file = getenv(Self.report) { return try write(report(), to: String(cString: file)) }
    let directory = try PolicyDirectory()
    let file = directory.path + "/report"
    let other = try startAnotherProcess(file)
    let own = Result { try report() }
    var status: Int32 = 0
    while waitpid(other, &status, 0) < 0 && errno == EINTR {}
    try #require(status == 0, "the other process failed")
    let lines = try own.get().split(separator: "\n")
    #expect(!lines.isEmpty)
    #expect(try String(decoding: read(file), as: UTF8.self).split(separator: "\n") == lines)
  }

  /// A line for each policy: its name, and a digest of all its answers and of what it keeps in the end.
  private func report() throws -> String {
    try Self.policies.map { path in
      let policy = try DirectPolicy(path: path, budget: PolicyBudget(answer: .seconds(60)))
      return "\(policy.name) \(try digest(policy))"
    }.joined(separator: "\n")
  }

  private func digest(_ policy: DirectPolicy) throws -> String {
    var generator = Inputs(policy.entries)
    var digest = Digest()
    for _ in 0..<Self.inputs {
      switch generator.next() {
      case .change(let change): try policy.apply([change])
      case .question(let question): digest.add(policy.ask(question))
      }
    }
    digest.add(policy.memory)
    return digest.text
  }

  private func startAnotherProcess(_ file: String) throws -> pid_t {
    let arguments = ["/proc/self/exe", "--filter", "DeterminismTests", "--testing-library", "swift-testing"]
    var process: pid_t = 0
    var vector: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    var environment: [UnsafeMutablePointer<CChar>?] = [
      strdup("\(Self.report)=\(file)"), strdup("FLEET_TEST_INPUTS=\(Self.inputs)"), nil,
    ]
    defer { for pointer in vector + environment { free(pointer) } }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    let failure = posix_spawn(&process, "/proc/self/exe", &actions, nil, &vector, &environment)
    try #require(failure == 0)
    return process
  }

  private func write(_ text: String, to file: String) throws {
    let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    let bytes = Array(text.utf8)
    try #require(Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
  }

  private func read(_ file: String) throws -> [UInt8] {
    let descriptor = open(file, O_RDONLY | O_CLOEXEC)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = Glibc.read(descriptor, &bytes, bytes.count)
    return Array(bytes.prefix(max(count, 0)))
  }
}

/// FNV-1a: the same in every process, as Swift's hashes are not.
private struct Digest {
  private var state: UInt64 = 0xCBF2_9CE4_8422_2325

  mutating func add(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { state = (state ^ UInt64(byte)) &* 0x100_0000_01B3 }
  }

  mutating func add(_ text: String?) { add((text ?? "-").utf8) }

  mutating func add(_ number: Double?) { withUnsafeBytes(of: number ?? .nan) { add($0) } }

  mutating func add(_ answer: PolicyAnswer) {
    add(answer.reason)
    add(answer.failure)
    switch answer.answer {
    case .none: add("none")
    case .route(.use(let id)): add(id)
    case .route(.spawn(let config, let language)):
      add(config)
      add(language)
    case .route(.wait(let seconds)): add(seconds)
    case .route(.reject(let why)): add(why)
    case .admit(.allow(let limits)):
      add(limits.memory.map(Double.init))
      add(limits.cpu)
    case .admit(.reject(let why)): add(why)
    case .scale(let answer):
      add(Double(answer.wanted))
      for id in answer.retire { add(id) }
    case .alert(let conditions):
      for condition in conditions {
        add(condition.name)
        add(condition.kernel)
        add(condition.value)
        add(condition.summary)
      }
    case .restart(.restart(let seconds)): add(seconds)
    case .restart(.giveUp(let why)): add(why)
    }
  }

  var text: String { String(state, radix: 16) }
}

/// A stream of changes and questions that is the same every time.
private struct Inputs {
  enum Input {
    case change(KernelRowChange)
    case question(PolicyQuestion)
  }

  private let entries: [EntryPoint]
  private var random = Random(state: 42)
  private var rows: [KernelRow?] = Array(repeating: nil, count: 30)
  private var time: Int64 = 0

  init(_ entries: Set<EntryPoint>) { self.entries = EntryPoint.allCases.filter(entries.contains) }

  mutating func next() -> Input {
    time += Int64(number(below: 2_000_000_000))
    if number(below: 3) == 0 { return .change(change()) }
    let now = Instant(nanoseconds: time)
    return .question(PolicyQuestion(subject(entries[number(below: entries.count)]), now: now, seed: random.next()))
  }

  private mutating func number(below count: Int) -> Int { Int(random.next() >> 11) % count }

  private mutating func pick<Value>(_ values: [Value]) -> Value { values[number(below: values.count)] }

  private mutating func change() -> KernelRowChange {
    let index = number(below: rows.count)
    if let old = rows[index], number(below: 12) == 0 {
      rows[index] = nil
      return .remove(old.uuid)
    }
    var new =
      rows[index]
      ?? row(
        index + 1, language: pick(["lua", "python"]), config: pick([nil, "/a/openai.toml"]),
        memory: pick([nil, 100 << 20]), labels: pick([[:], ["tier": "gold", "zone": "b"]]),
        owner: pick(["", "ann", "bob"]),
        sessions: pick([[], ["s\(index)"]]))
    new.pool = pick([nil, "p", "q"])
    new.status = pick(["idle", "idle", "busy", "starting", "stopping", "unhealthy", "failed"])
    new.clients = number(below: 5)
    new.connections = new.clients
    new.memory = pick([nil, Int64(number(below: 2000)) << 20])
    new.cpu = pick([nil, Double(number(below: 1000)) / 10])
    new.threads = 3
    new.latency = pick([nil, Double(number(below: 1000)) / 1000])
    new.readyAt = Instant(nanoseconds: time / 2)
    new.idleSince = pick([nil, Instant(nanoseconds: time)])
    new.crashes = number(below: 4)
    rows[index] = new
    return .put(new)
  }

  private mutating func subject(_ entry: EntryPoint) -> PolicyQuestion.Subject {
    switch entry {
    case .route:
      .route(
        Requirements(
          language: pick([nil, "lua", "python"]), config: pick([nil, "openai"]), memory: pick([nil, 50 << 20]),
          labels: pick([[:], ["tier": "gold"]]), owner: pick([nil, "ann"]), session: pick([nil, "s3", "new"])))
    case .admit:
      .admit(
        Specification(
          kernelspec: "fleet-lua", language: "lua", labels: pick([[:], ["tier": "gold"]]),
          owner: pick(["", "ann", "bob"]),
          pool: pick([nil, "p"]), limits: Limits(memory: pick([nil, 1 << 30]), cpu: pick([nil, 0.5]))))
    case .scale:
      .scale(
        PoolView(
          name: pick(["p", "q"]), minimum: number(below: 3), maximum: 3 + number(below: 9), warm: number(below: 3),
          kernels: number(below: 12), starting: number(below: 3), used: number(below: 9), free: number(below: 5),
          draining: number(below: 2), waiting: number(below: 4), arrivals: Double(number(below: 100)) / 10))
    case .alert: .alert
    case .restart:
      .restart(
        Crash(
          uuid: row(number(below: rows.count) + 1).uuid,
          exit: ExitInfo(code: pick([nil, 1, 137]), signal: pick([nil, 9])),
          reason: "exited", recent: number(below: 6), uptime: pick([nil, Double(number(below: 100))]),
          proposal: pick([nil, 0.5, 8])))
    }
  }
}

/// Knuth's MMIX generator.
private struct Random {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return (state >> 33) | (state << 31)
  }
}
