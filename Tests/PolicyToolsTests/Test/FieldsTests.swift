// What fixtures may write is what policies see, name by name.

import FleetEngine
import LuaRuntime
import Testing

@testable import PolicyHost
@testable import PolicyTools

@Suite struct FieldsTests {
  /// A field that is known complains about a value of no use; one that is not known is refused by name.
  private func isKnown(_ field: String, _ read: (LuaValue) throws(ToolError) -> Void) -> Bool {
    let table = LuaTable(pairs: [
      LuaTable.Pair(.text(field), .opaque("function")), LuaTable.Pair(.text("name"), .text("x")),
    ])
    do throws(ToolError) { try read(.table(table)) } catch { return !error.description.contains("has no field") }
    return false
  }

  @Test func kernels() {
    for field in LuaSchema.kernels.rowFields {
      #expect(isKnown(field) { value throws(ToolError) in _ = try KernelFields.row(value, serial: 1) }, "\(field)")
    }
    #expect(!isKnown("colour") { value throws(ToolError) in _ = try KernelFields.row(value, serial: 1) })
  }

  @Test func questions() {
    typealias Subject = PolicyQuestion.Subject
    for field in Requirements.fields {
      #expect(isKnown(field) { value throws(ToolError) in _ = try Subject.route(value) }, "\(field)")
    }
    for field in Specification.fields {
      #expect(isKnown(field) { value throws(ToolError) in _ = try Subject.admit(value) }, "\(field)")
    }
    for field in PoolView.fields {
      #expect(isKnown(field) { value throws(ToolError) in _ = try Subject.scale(value, []) }, "\(field)")
    }
    for field in Crash.fields {
      #expect(isKnown(field) { value throws(ToolError) in _ = try Subject.restart("", value) }, "\(field)")
    }
  }

  /// What expectations in Lua see of a kernel are the fields that policies see.
  @Test func rows() throws {
    var fields: [LuaTable.Pair] = [LuaTable.Pair(.text("labels"), .record(["a": .text("b")]))]
    for (key, value) in [("name", "n"), ("config", "c.toml"), ("provider", "p"), ("model", "m"), ("pool", "x")] {
      fields.append(LuaTable.Pair(.text(key), .text(value)))
    }
    for key in ["memory_limit", "memory", "cpu", "threads", "latency"] {
      fields.append(LuaTable.Pair(.text(key), .integer(1)))
    }
    let row = try KernelFields.row(.table(LuaTable(pairs: fields)), serial: 1)
    let shown = row.fields.table?.pairs.compactMap(\.key.text) ?? []
    #expect(Set(shown) == Set(LuaSchema.kernels.rowFields))
  }
}
