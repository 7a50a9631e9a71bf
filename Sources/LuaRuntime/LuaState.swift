// A Lua state for Swift. Nothing in it lets a Lua error pass through a Swift frame: see CLua.

import CLua

/// A Lua state, to be used by one thread at a time. What it is given (callbacks, the output) must not hold on to the
/// state itself.
public final class LuaState {
  let vm: OpaquePointer
  private let callbacks: LuaCallbacks
  /// A sandbox is deterministic, so that what it hands out has an order.
  private let sorts: Bool

  /// - Throws: `.memory` when there is none.
  public convenience init(_ configuration: LuaConfiguration) throws(LuaError) {
    try self.init(configuration, failingFrom: 0)
  }

  /// - Parameter failingFrom: for tests: the number of the first of the allocations that fail; 0 for none.
  package init(_ configuration: LuaConfiguration, failingFrom: UInt64) throws(LuaError) {
    sorts = configuration.library == .sandboxed
    var options = clua_options(
      sandboxed: sorts, memory_limit: configuration.memoryLimit, contiguous_limit: configuration.contiguousLimit,
      seed: configuration.seed, fail_from: failingFrom)
    guard let vm = clua_create(&options) else { throw LuaError(.memory, "not enough memory for a Lua state") }
    self.vm = vm
    callbacks = LuaCallbacks(vm: vm, sorting: sorts)
  }

  deinit { clua_destroy(vm) }

  /// Stops what this state runs, from any thread.
  public var interrupter: LuaInterrupter { LuaInterrupter(vm) }

  /// Compiles a chunk of text; precompiled code is refused.
  /// - Parameter name: what positions in messages begin with, such as `least_loaded.lua`; shown as it is.
  public func load(_ source: String, name: String) throws(LuaError) -> LuaFunction {
    try load(Array(source.utf8), name: name)
  }

  public func load(_ source: [UInt8], name: String) throws(LuaError) -> LuaFunction {
    var reference: Int32 = 0
    try check(
      source.withUnsafeBufferPointer {
        clua_load(vm, clua_bytes(start: $0.baseAddress, count: $0.count), name, &reference)
      })
    return LuaFunction(state: self, reference: reference)
  }

  /// Calls a function. A deadline or an interrupt cannot be caught by the script; afterwards the state is usable.
  /// A call inside a callback runs within the deadline of the call around it.
  @discardableResult
  public func call(
    _ function: LuaFunction, _ arguments: [LuaValue] = [], deadline: Duration? = nil
  ) throws(LuaError) -> [LuaValue] {
    try invoke(function, arguments, deadline, describing: false)
    return results()
  }

  /// Calls a function and returns `tostring` of each result, for people to read.
  public func callDescribing(
    _ function: LuaFunction, _ arguments: [LuaValue] = [], deadline: Duration? = nil
  ) throws(LuaError) -> [String] {
    try invoke(function, arguments, deadline, describing: true)
    return results().map { $0.text ?? "" }
  }

  private func invoke(
    _ function: LuaFunction, _ arguments: [LuaValue], _ deadline: Duration?, describing: Bool
  ) throws(LuaError) {
    precondition(function.state === self, "a function belongs to the state that it was made in")
    let moment = deadline.map { clua_now() + $0.inNanoseconds } ?? 0
    try check(
      LuaEncoder(arguments).withBytes { clua_call(vm, function.reference, $0, moment, describing) })
  }

  /// The value at a dotted path of globals, such as `package.path`, without metamethods; nil where a part is missing.
  public func global(_ path: String) throws(LuaError) -> LuaValue {
    try check(clua_get_global(vm, path))
    return results().first ?? .nil
  }

  /// The function at a dotted path of globals.
  public func function(_ path: String) throws(LuaError) -> LuaFunction {
    var reference: Int32 = 0
    try check(clua_get_function(vm, path, &reference))
    return LuaFunction(state: self, reference: reference)
  }

  /// The line where a function begins; nil if it is not written in Lua.
  public func line(of function: LuaFunction) -> Int? {
    let line = clua_line_of(vm, function.reference)
    return line > 0 ? Int(line) : nil
  }

  /// Sets the value at a dotted path of globals; tables on the way are made where missing.
  public func setGlobal(_ path: String, _ value: LuaValue) throws(LuaError) {
    try check(LuaEncoder([value]).withBytes { clua_set_global(vm, path, $0) })
  }

  /// Sets a function at a dotted path of globals.
  public func setGlobal(_ path: String, _ function: LuaFunction) throws(LuaError) {
    precondition(function.state === self, "a function belongs to the state that it was made in")
    try check(clua_set_function(vm, path, function.reference))
  }

  /// Makes a Swift function available at a dotted path of globals, such as `fleet.spawn`.
  public func register(_ path: String, _ body: @escaping LuaCallback) throws(LuaError) {
    try check(clua_set_callback_at(vm, path, callbacks.add(body)))
  }

  /// Sends what scripts print to a sink instead of the process's own output. It is called as each write happens.
  public func setOutput(_ sink: @escaping LuaOutput) { callbacks.setOutput(sink) }

  /// Whether the running call was interrupted or its deadline passed: long callbacks ask this now and then.
  public var isInterrupted: Bool { clua_is_aborting(vm) }

  /// Bytes that the state's memory takes now.
  public var memoryInUse: Int { clua_memory(vm) }

  /// A full garbage collection.
  public func collectGarbage() throws(LuaError) { try check(clua_collect(vm)) }

  /// Makes the globals of a sandbox read-only from now on: what runs later cannot change what runs after it.
  public func freezeGlobals() { clua_freeze(vm) }

  /// Seeds `math.random` of a sandbox.
  public func seedRandom(_ seed: UInt64) { clua_seed(vm, seed) }

  /// For tests: from the n-th allocation from now on, `count` of them fail; 0 turns that off.
  package func failAllocations(from n: UInt64, count: UInt64 = .max) { clua_fail_allocations(vm, n, count) }

  /// For tests: whether an allocation was refused since `failAllocations`.
  package var didFailAllocation: Bool { clua_allocation_failed(vm) }

  func results() -> [LuaValue] {
    var decoder = LuaDecoder(clua_results(vm), sorting: sorts)
    return decoder.values()
  }

  func check(_ status: clua_status) throws(LuaError) {
    if status == CLUA_OK { return }
    var decoder = LuaDecoder(clua_error_value(vm), sorting: sorts)
    throw LuaError(
      LuaError.Kind(status), String(clua_error_message(vm)), traceback: String(clua_error_traceback(vm)),
      value: decoder.values().first)
  }
}

extension LuaError.Kind {
  init(_ status: clua_status) {
    self =
      switch status {
      case CLUA_SYNTAX: .syntax
      case CLUA_MEMORY: .memory
      case CLUA_DEADLINE: .deadline
      case CLUA_INTERRUPTED: .interrupted
      case CLUA_TYPE: .type
      default: .runtime
      }
  }
}

extension String {
  init(_ bytes: clua_bytes) {
    self.init(decoding: UnsafeRawBufferPointer(start: bytes.start, count: bytes.count), as: UTF8.self)
  }
}

extension Duration {
  var inNanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
