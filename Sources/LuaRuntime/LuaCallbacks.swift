// The Swift side of callbacks: finds the function by its number, and answers in bytes. It never raises; C does.

import CLua

/// The functions that a state's scripts can call, and where their output goes. C has a pointer to it.
final class LuaCallbacks {
  private var bodies: [LuaCallback] = []
  var output: LuaOutput?
  private let vm: OpaquePointer
  private let sorts: Bool

  init(vm: OpaquePointer, sorting: Bool) {
    self.vm = vm
    sorts = sorting
    clua_set_callback(vm, answerCallback, Unmanaged.passUnretained(self).toOpaque())
  }

  func add(_ body: @escaping LuaCallback) -> Int64 {
    bodies.append(body)
    return Int64(bodies.count - 1)
  }

  func setOutput(_ sink: @escaping LuaOutput) {
    output = sink
    clua_set_output(vm, takeOutput, Unmanaged.passUnretained(self).toOpaque())
  }

  fileprivate func run(_ id: Int64, _ arguments: clua_bytes) -> Int32 {
    var decoder = LuaDecoder(arguments, sorting: sorts)
    let values = decoder.values()
    do {
      let results = LuaEncoder(try bodies[Int(id)](values))
      if results.withBytes({ clua_reply(vm, $0) }) { return Int32(CLUA_REPLY_VALUES) }
    } catch {
      let value = (error as? LuaError).map(\.value) ?? .text("\(error)")
      if LuaEncoder([value]).withBytes({ clua_reply(vm, $0) }) { return Int32(CLUA_REPLY_ERROR) }
    }
    // No memory for the answer: an error without a value is Lua's memory error.
    _ = clua_reply(vm, clua_bytes(start: nil, count: 0))
    return Int32(CLUA_REPLY_ERROR)
  }
}

private func answerCallback(_ context: UnsafeMutableRawPointer, _ id: Int64, _ arguments: clua_bytes) -> Int32 {
  Unmanaged<LuaCallbacks>.fromOpaque(context).takeUnretainedValue().run(id, arguments)
}

private func takeOutput(_ context: UnsafeMutableRawPointer, _ stream: Int32, _ bytes: clua_bytes) {
  let sink = Unmanaged<LuaCallbacks>.fromOpaque(context).takeUnretainedValue().output
  sink?(stream == 1 ? .output : .error, UnsafeRawBufferPointer(start: bytes.start, count: bytes.count))
}
