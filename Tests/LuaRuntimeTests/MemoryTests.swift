// What a policy keeps: plain data that is saved and restored, and bounded maps.

import LuaRuntime
import Testing

@Suite struct MemoryTests {
  private func state() throws -> LuaState {
    let state = try LuaState(.policy)
    try state.openRows(TestRow.schema)
    return state
  }

  private func failure(_ source: String) throws -> String { try state().failure(of: source)?.message ?? "no error" }

  /// What a script finds in a state that was given what another one kept.
  private func afterRestore(_ before: String, _ loading: String = "", _ after: String) throws -> [LuaValue] {
    let first = try state(), second = try state()
    try first.run(before)
    try second.run(loading)
    try second.restoreMemory(first.savedMemory())
    return try second.run(after)
  }

  @Test func plainDataIsKept() throws {
    #expect(
      try afterRestore(
        "memory.n, memory.t, memory[1], memory.list = 1.5, {a = {b = true}, [2.5] = 'x'}, 'one', {1, 2, {3}}", "",
        "return memory.n, memory.t.a.b, memory.t[2.5], memory[1], memory.list[3][1], #memory.list")
        == [1.5, true, "x", "one", 3, 3])
  }

  @Test func whatIsNoPlainDataIsLeftOut() throws {
    #expect(
      try afterRestore(
        "memory.f, memory.t, memory.k = print, {1, print, 3, x = coroutine.wrap(print)}, 5 memory.t.own = memory.t", "",
        "return memory.f, memory.t[1], memory.t[2], memory.t[3], memory.t.x, memory.t.own, memory.k")
        == [.nil, 1, .nil, 3, .nil, .nil, 5])
  }

  @Test func whatAFileHoldsOfItsMemoryIsWhatIsRestored() throws {
    #expect(
      try afterRestore(
        "memory.counts = {a = 5, sub = {z = 1}} memory.old = 1",
        "memory.counts = memory.counts or {b = 2, sub = {}} held, sub = memory.counts, memory.counts.sub memory.new = 7",
        "return held.a, held.b, sub.z, held == memory.counts, memory.old, memory.new") == [5, 2, 1, true, 1, 7])
  }

  @Test func memoryIsAsItShouldBe() throws {
    #expect(try failure("memory = {}").contains("'memory' cannot be replaced"))
    #expect(try state().run("return getmetatable(memory)") == [false])
    #expect(try failure("setmetatable(memory, {})").contains("protected"))
    #expect(try state().run("memory.a = 1 local n = 0 for k in pairs(memory) do n = n + 1 end return n") == [1])
  }

  @Test func mapsKeepValuesOfEveryPlainKind() throws {
    let state = try state()
    #expect(
      try state.run(
        """
        local m = memory.map("m", 10)
        m:set("a", 1) m:set(1, "one") m:set(2.0, 2.5) m:set(true, false) m:set(1.5, "half")
        m:set("gone", 1) m:set("gone", nil) m:set("deleted", 1) m:delete("deleted") m:delete("never")
        assert(m == memory.map("m", 10) and m ~= memory.map("n", 10) and tostring(m) == "memory.map: 1")
        return m:get("a"), m:get(1.0), m:get(2), m:get(true), m:get(1.5), m:get("gone"), m:get(nil), m:count(), #m
        """) == [1, "one", 2.5, false, "half", .nil, .nil, 5, 5])
    for (call, complaint) in [
      ("memory.map('x', 0)", "from 1 to 1000000"), ("memory.map('x', 1000001)", "from 1 to 1000000"),
      ("memory.map('x')", "number expected"), ("memory.map(nil, 1)", "string expected"),
      ("memory.map('x', 1):set({}, 1)", "not a table value"), ("memory.map('x', 1):set('a', {})", "not a table value"),
      ("memory.map('x', 1):set('a', print)", "not a function value"),
      ("memory.map('x', 1):get({})", "not a table value"),
      ("memory.map('x', 1).a = 1", "map:set(key, value)"), ("memory.map('x', 1).set('a', 1)", "a map expected"),
      ("memory.map(('x'):rep(300), 1)", "at most 255 bytes"),
      ("for i = 1, 100 do memory.map('m' .. i, 1) end", "may have 64 maps"),
      (
        "local m = memory.map('x', 1e6) for i = 1, 1e9 do m:set(i, i) if m:count() < i then error('bounded') end end",
        "bounded"
      ),
    ] { #expect(try failure(call).contains(complaint), "\(call)") }
  }

  /// Random uses of a map, compared with a list in the order of use.
  @Test(arguments: [1, 2, 3] as [UInt64]) func aMapForgetsWhatWasUsedLongestAgo(_ seed: UInt64) throws {
    var random = SplitMix(state: seed)
    var state = try state()
    var capacity = 20
    var expected: [(key: Int, value: Int)] = []  // the last one was used last
    for step in 0..<2000 {
      let key = Int.random(in: 1...60, using: &random)
      let known = expected.firstIndex { $0.key == key }
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<5:
        if let known { expected.remove(at: known) }
        expected.append((key, step))
        if expected.count > capacity { expected.removeFirst() }
        try state.run(
          "local k, v = ... memory.map('m', \(capacity)):set('k' .. k, v)",
          [.integer(Int64(key)), .integer(Int64(step))])
      case 5..<8:
        let value = try state.run("return memory.map('m', \(capacity)):get('k\(key)')")
        #expect(value == [known.map { .integer(Int64(expected[$0].value)) } ?? .nil])
        if let known { expected.append(expected.remove(at: known)) }
      case 8:
        if let known { expected.remove(at: known) }
        try state.run("memory.map('m', \(capacity)):delete('k\(key)')")
      default:
        capacity = Int.random(in: 5...50, using: &random)
        expected = expected.suffix(capacity)
        let next = try self.state()
        try state.run("memory.map('m', \(capacity))")
        try next.restoreMemory(state.savedMemory())
        state = next
      }
      #expect(try state.run("return memory.map('m', \(capacity)):count()") == [.integer(Int64(expected.count))])
    }
  }

  @Test func mapsAreTheHostsMemoryAndBounded() throws {
    let state = try state()
    let count = try state.run(
      """
      local m = memory.map("big", 1000000)
      for i = 1, 3000 do m:set(i, ("x"):rep(50000) .. i) end
      return m:count(), m:get(3000) ~= nil, m:get(1)
      """)
    #expect(count[0].integer! > 1000 && count[0].integer! < 64 * 1024 * 1024 / 50000)
    #expect(count[1...] == [true, .nil])
    #expect(state.memoryInUse < 2 << 20)
    let other = try self.state()
    try other.restoreMemory(state.savedMemory())
    #expect(try other.run("return memory.map('big', 1000000):count()") == [count[0]])
    #expect(try other.run("return memory.map('big', 7):count()") == [7])
  }

  /// Saved memories that were damaged: an error or something that can be read, never a crash.
  @Test func damagedMemoriesAreRefused() throws {
    let source = try state()
    try source.run(
      "memory.a, memory.t = 'text', {1, 2.5, {x = true}} local m = memory.map('m', 5) for i = 1, 5 do m:set('k' .. i, i) end"
    )
    let saved = try source.savedMemory()
    var random = SplitMix(state: 11)
    var refused = 0
    for _ in 0..<3000 {
      var bytes = saved
      switch Int.random(in: 0..<3, using: &random) {
      case 0: bytes.removeLast(Int.random(in: 1...saved.count, using: &random))
      case 1:
        bytes.insert(UInt8.random(in: 0...12, using: &random), at: Int.random(in: 0...saved.count, using: &random))
      default:
        for _ in 0..<3 {
          bytes[Int.random(in: 0..<saved.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
      }
      let state = try state()
      do { try state.restoreMemory(bytes) } catch { refused += 1 }
      try state.run(
        "for k, v in pairs(memory) do local x = tostring(k) .. tostring(v) end memory.b = 1 memory.map('m', 9):set('a', 1)"
      )
    }
    #expect(refused > 1000)
    #expect(throws: LuaError.self) { try state().restoreMemory([]) }
  }

  @Test(arguments: [1, .max] as [UInt64]) func everyAllocationMayFail(_ count: UInt64) throws {
    let source = try state()
    try source.run("memory.t = {a = {1, 2, 3}} local m = memory.map('n', 100) for i = 1, 40 do m:set('k' .. i, i) end")
    let saved = try source.savedMemory()
    var n: UInt64 = 1
    while true {
      let state = try state()
      state.failAllocations(from: n, count: count)
      _ = try? state.run(
        "local m = memory.map('m', 10) for i = 1, 40 do m:set(i, ('v'):rep(i)) m:get(i - 5) end memory.x = {m:count()}")
      _ = try? state.restoreMemory(saved)
      _ = try? state.savedMemory()
      let failed = state.didFailAllocation
      state.failAllocations(from: 0)
      #expect(try state.run("local m = memory.map('m', 10) m:set('z', 1) return m:get('z')") == [1])
      if !failed { break }
      n += 1
    }
    #expect(n > 60)
  }
}
