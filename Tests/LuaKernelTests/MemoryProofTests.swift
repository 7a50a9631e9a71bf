// A kernel does not grow: by the cells that it executes, by what it prints, by memory that it is refused.
import Glibc
import JupyterProtocol
import Testing

@Suite(.serialized) struct MemoryProofTests {
  @Test func tenThousandCellsTakeLessThanAMegabyte() throws {
    try withKernel { kernel, client in
      let codes: [(Int) -> String] = [
        { "\($0)" }, { "x = \($0) print('cell', x)" }, { "error('failure \($0)')" },
        { "local t = {} for i = 1, 100 do t[i] = {i} end return {a = \($0), b = 'text', c = #t}" },
        { "function f\($0)() return \($0) end return f\($0)()" }, { "f\($0 - 1) = nil" },
        { "display{html = '<b>\($0)</b>'}" }, { "local c = coroutine.wrap(function() coroutine.yield(\($0)) end) c()" },
        { "return ('\($0)'):rep(100)" }, { "x = = \($0)" },
      ]
      for number in 1...codes.count { _ = try client.show(codes[number - 1](number)) }
      let before = try ownMemory(of: kernel.process.pid)
      for number in 1...10_000 {
        _ = try client.execute(ExecuteRequest(codes[number % codes.count](number)), timeout: .seconds(60))
      }
      let after = try ownMemory(of: kernel.process.pid)
      #expect(after - before <= 1 << 20, "grew from \(before) to \(after) bytes")
      #expect(try client.show("'alive'").count == 10_000 + codes.count + 1)
    }
  }
}

/// Bytes of a process's memory that no file backs: its own.
func ownMemory(of pid: pid_t) throws -> Int {
  let line = contents(of: "/proc/\(pid)/status").split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
  guard let kilobytes = line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap({ Int($0) })
  else { throw TestFailure(description: "no memory of process \(pid) to be read") }
  return kilobytes << 10
}
