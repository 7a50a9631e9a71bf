// A policy file in a Lua state of its own, with the rows of the fleet. Confined to one thread at a time.

import FleetEngine
import LuaRuntime

final class PolicyProgram {
  private struct Function {
    let body: LuaFunction
    /// `least_loaded.lua:3`, for what its result is complained about.
    let place: String
  }

  private let state: LuaState
  private let name: String
  private let functions: [EntryPoint: Function]
  private let budget: PolicyBudget
  private let encoder = LuaEncoder()
  private let output: LogLimiter
  /// What `memory` returns if it cannot be saved.
  private var lastMemory: [UInt8] = []

  /// - Parameters:
  ///   - name: what positions in errors begin with.
  ///   - entry: a function that the file must have.
  ///   - probe: hears what the text reports by `__probe(number)`: see `DirectPolicy`.
  init(
    _ source: PolicySource, name: String, entry: EntryPoint? = nil, budget: PolicyBudget,
    log: @escaping @Sendable (String) -> Void, probe: ((Int) -> Void)? = nil
  ) throws(LuaError) {
    var configuration = LuaConfiguration.policy
    configuration.memoryLimit = budget.memory
    let output = LogLimiter(log)
    let state = try LuaState(configuration)
    self.state = state
    self.name = name
    self.output = output
    self.budget = budget
    state.setOutput { _, bytes in output.write(bytes) }
    try state.openRows(.kernels)
    if let probe {
      try state.register("__probe") { arguments in
        if let number = arguments.first?.integer { probe(Int(number)) }
        return []
      }
    }
    let module = try state.module(state.load(source.text, name: name), deadline: budget.load)
    functions = try Self.functions(of: module, state, name)
    if let entry, functions[entry] == nil { throw Self.missing(entry, in: name) }
    if functions.isEmpty { throw Self.nothing(in: name) }
    state.freezeGlobals()
  }

  private static func functions(
    of module: LuaModule, _ state: LuaState, _ name: String
  ) throws(LuaError) -> [EntryPoint: Function] {
    var functions: [EntryPoint: Function] = [:]
    for entry in EntryPoint.allCases {
      guard let body = try module.function(entry.rawValue) else { continue }
      functions[entry] = Function(body: body, place: state.line(of: body).map { "\(name):\($0)" } ?? name)
    }
    let names = EntryPoint.allCases.map(\.rawValue)
    for pair in try module.contents().pairs {
      guard let key = pair.key.text, !names.contains(key), let meant = suggestion(for: key, among: names) else {
        continue
      }
      throw LuaError(.type, "\(name) returns a '\(key)', which nobody asks; did you mean '\(meant)'?")
    }
    return functions
  }

  private static func missing(_ entry: EntryPoint, in name: String) -> LuaError {
    LuaError(
      .type,
      "\(name) has no function '\(entry.rawValue)'; it should end with: return { \(entry.rawValue) = function … }")
  }

  private static func nothing(in name: String) -> LuaError {
    let names = EntryPoint.allCases.map(\.rawValue).joined(separator: ", ")
    return LuaError(
      .type, "\(name) has none of the functions \(names); it should end with: return { route = function … }")
  }

  /// What it has functions for.
  var entries: Set<EntryPoint> { Set(functions.keys) }

  func apply(_ changes: [KernelRowChange]) throws(LuaError) {
    for change in changes {
      switch change {
      case .put(let row):
        encoder.removeAll()
        encoder.append(row)
        try state.putRow(encoder)
      case .remove(let uuid): try state.removeRow(uuid)
      }
    }
  }

  /// Asks the policy. The duration is what this thread took, from question to answer.
  func decide(_ question: PolicyQuestion) -> (Verdict, Duration) {
    let start = luaNow()
    let entry = question.entry
    guard let function = functions[entry] else {
      return (.failure(Self.missing(entry, in: name).message), .nanoseconds(luaNow() - start))
    }
    output.reset()
    encoder.removeAll()
    encoder.append(question.subject)
    state.seedRandom(question.seed)
    var verdict: Verdict
    do throws(LuaError) {
      var results = try state.decide(
        function.body, row: question.subject.row, view: question.subject.view, encoder, now: question.now.seconds,
        deadline: start + budget.time(for: entry).nanoseconds)
      verdict = Verdict(entry, reading: &results)
      if case .failure(let what) = verdict { verdict = .failure("\(function.place): \(entry.rawValue) \(what)") }
    } catch {
      verdict = .failure(describe(error, entry, function.place))
    }
    return (verdict, .nanoseconds(luaNow() - start))
  }

  private func describe(_ error: LuaError, _ entry: EntryPoint, _ place: String) -> String {
    switch error.kind {
    case .deadline: "\(error.message) of \(budget.time(for: entry).seconds * 1000) ms"
    case .memory: "\(place): \(entry.rawValue): \(error.message)"
    default: error.message
    }
  }

  /// What so many calls of the route function take that plain C makes.
  func time(_ baseline: LuaState.Baseline, _ question: PolicyQuestion, count: Int) -> Duration {
    guard let function = functions[.route] else { return .zero }
    encoder.removeAll()
    encoder.append(question.subject)
    return state.time(baseline, function.body, encoder, count: count)
  }

  /// What the policy keeps in its table `memory`, as bytes for `restore`. What is no plain data is left out; if it
  /// cannot be saved, for want of memory, this is what could be saved last.
  var memory: [UInt8] {
    do throws(LuaError) { lastMemory = try state.savedMemory() } catch {
      output.write("its memory cannot be saved: \(error.message)")
    }
    return lastMemory
  }

  /// Puts what was saved into the table `memory`, over what the file has put there.
  /// - Throws: if the bytes are damaged, or there is no room.
  func restore(memory: [UInt8]) throws(LuaError) { try state.restoreMemory(memory) }

  /// Bytes of Lua's memory, the rows included.
  var memoryInUse: Int { state.memoryInUse }

  /// For measurements: a full garbage collection.
  func collectAll() { _ = try? state.collectGarbage() }  // it fails for want of memory only

  /// Some microseconds of garbage collection; true if there is more to do.
  func collectSome() -> Bool { state.collectSome() }
}
