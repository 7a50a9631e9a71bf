// The Lua state of a kernel with everything that scripts find in it.
import JSON
import JupyterProtocol
import LuaRuntime

/// A Lua state, the kernel's library in it, and the functions by which the kernel uses it. Confined to the Lua thread.
final class LuaSession {
  let state: LuaState
  private let signals: KernelSignals
  private let run: LuaFunction
  private let script: LuaFunction
  private let completion: LuaFunction
  private let inspection: LuaFunction
  private let publishing: LuaFunction
  private let publishingModel: LuaFunction
  private let forgetInput: LuaFunction
  private let receivingComm: LuaFunction
  private let showing: LuaFunction
  private let indentation: LuaFunction
  /// `_VERSION`, such as `Lua 5.4`.
  let release: String

  init(_ state: LuaState, context: ExecutionContext) throws(LuaError) {
    self.state = state
    signals = context.signals
    let interrupter = state.interrupter
    try state.register("__fleet.ask") { arguments in
      let prompt = arguments.first?.text ?? ""
      let isPassword = arguments.count > 1 && arguments[1].isTruthy
      return [try context.ask(prompt: prompt, isPassword: isPassword).map { .text($0) } ?? .nil]
    }
    try state.register("__fleet.quit") { arguments in
      let code = arguments.first?.integer ?? 1
      context.exit(Int32(truncatingIfNeeded: code))
      interrupter.interrupt()
      return []
    }
    try DisplayLibrary.install(in: state, context: context)
    state.setOutput { context.write($0, $1) }
    try state.call(state.load(Prelude.source, name: "fleet"))
    run = try state.function("__fleet.run")
    script = try state.function("__fleet.script")
    completion = try state.function("__fleet.complete")
    inspection = try state.function("__fleet.inspect")
    publishing = try state.function("__fleet.publish")
    publishingModel = try state.function("__fleet.publish_model")
    receivingComm = try state.function("__fleet.comm_received")
    forgetInput = try state.function("__fleet.forget_input")
    showing = try state.function("__fleet.show_one")
    indentation = try state.function("__fleet.indent")
    release = try state.global("_VERSION").text ?? "Lua"
    try state.setGlobal("__fleet", .nil)
  }

  // MARK: Executing

  /// What code resulted in.
  struct Representation {
    let text: String
    /// A table of MIME types, with the text, if there is more than that; and metadata.
    let rich: LuaValue
    let metadata: LuaValue

    init(text: String, rich: LuaValue = .nil, metadata: LuaValue = .nil) {
      self.text = text
      self.rich = rich
      self.metadata = metadata
    }
  }

  /// Runs code as a person types it: an expression, or else statements.
  /// - Returns: the results; nil if there are none.
  func evaluate(_ code: String, name: String) throws(LuaError) -> Representation? {
    try state.setGlobal("__fleet_chunk", try load(code, name: name))
    try checkInterrupt(name)
    let results = try state.call(run)
    guard let text = results.first?.text else { return nil }
    return Representation(
      text: text, rich: results.count > 1 ? results[1] : .nil, metadata: results.count > 2 ? results[2] : .nil)
  }

  /// An interrupt stops Lua only while Lua runs; who was told to stop before does not begin.
  private func checkInterrupt(_ name: String) throws(LuaError) {
    if signals.isInterrupted { throw LuaError(.interrupted, "the beginning of \(name)") }
  }

  private func load(_ code: String, name: String) throws(LuaError) -> LuaFunction {
    do { return try state.load("return " + code, name: name) } catch {
      // An interrupt that came now means the statements, too.
      guard error.kind == .syntax else { throw error }
    }
    return try state.load(code, name: name)
  }

  /// Runs a script file's text with arguments, like the `lua` command.
  func runScript(_ code: String, path: String, arguments: [String]) throws(LuaError) {
    var source = Array(code.utf8)
    if source.first == UInt8(ascii: "#") {
      // The line stays, empty, so that positions in messages are right.
      source.removeSubrange(..<(source.firstIndex(of: UInt8(ascii: "\n")) ?? source.endIndex))
    }
    let chunk = try state.load(source, name: path)
    var names = LuaTable(array: arguments.map { .text($0) })
    names.pairs.append(.init(.integer(0), .text(path)))
    try state.setGlobal("arg", .table(names))
    try addToPath(directoryOf: path)
    try state.setGlobal("__fleet_chunk", chunk)
    try checkInterrupt(path)
    try state.call(script, arguments.map { .text($0) })
  }

  private func addToPath(directoryOf path: String) throws(LuaError) {
    let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    let entry = "\(directory)/?.lua;\(directory)/?/init.lua;"
    let current = try state.global("package.path").text ?? ""
    if !current.hasPrefix(entry) { try state.setGlobal("package.path", .text(entry + current)) }
  }

  /// A value as it would be shown as a result.
  func describe(_ value: LuaValue) -> String? {
    (try? state.call(showing, [value], deadline: .milliseconds(500)))?.first?.text
  }

  /// Text that was read from the last client is not for the next one.
  func discardInput() { _ = try? state.call(forgetInput) }

  /// Hands a comm's message to the function that a script gave for it.
  /// - Returns: whether there is one.
  func receive(
    comm type: String, id: String, target: String, data: JSON, buffers: [[UInt8]]
  ) throws(LuaError) -> Bool {
    try checkInterrupt(type)
    let parts = LuaValue.sequence(buffers.map { .string($0) })
    return try state.call(receivingComm, [.text(type), .text(id), .text(target), LuaValue(data), parts]).first?.isTruthy
      ?? false
  }

  // MARK: Questions about code

  enum Completeness {
    case complete
    /// More text may make it complete.
    case incomplete
    case invalid
  }

  /// Compiles without running, as an expression and as statements.
  func completeness(_ code: String) -> Completeness {
    var isIncomplete = false
    for source in ["return " + code, code] {
      do throws(LuaError) {
        _ = try state.load(source, name: "code")
        return .complete
      } catch {
        isIncomplete = isIncomplete || error.isIncomplete
      }
    }
    return isIncomplete ? .incomplete : .invalid
  }

  struct Completion {
    let name: String
    /// A Lua type, or `keyword`, `local`, `parameter`, `module`.
    let type: String
  }

  /// Completions of what stands before the cursor, and how many bytes of it they replace.
  func complete(_ text: String, after: String) -> (matches: [Completion], length: Int) {
    guard
      let results = try? state.call(completion, [.text(text), .text(after)], deadline: .milliseconds(500)),
      results.count == 3, let names = results[1].table?.array, let types = results[2].table?.array
    else { return ([], 0) }
    let matches = zip(names, types).map { Completion(name: $0.text ?? "", type: $1.text ?? "") }
    return (matches, Int(results[0].integer ?? 0))
  }

  /// A description of what a dotted name stands for; nil if it is nothing.
  /// - Parameters:
  ///   - detailed: with the source of a function, however long.
  ///   - code: around the name, which may declare it.
  func inspect(_ path: String, detailed: Bool, in code: String) -> String? {
    let arguments: [LuaValue] = [.text(path), .boolean(detailed), .text(code)]
    return (try? state.call(inspection, arguments, deadline: .milliseconds(500)))?.first?.text
  }

  /// The indent of the line that follows code which is incomplete.
  func indent(after code: String) -> String {
    (try? state.call(indentation, [.text(code)], deadline: .milliseconds(500)))?.first?.text ?? "  "
  }

  /// Makes a read-only global table.
  func publish(_ name: String, _ values: LuaValue) throws(LuaError) {
    try state.call(publishing, [.text(name), values])
  }

  /// Makes the global `llm`.
  func publishModel(_ settings: LuaValue) throws(LuaError) { try state.call(publishingModel, [settings]) }
}
