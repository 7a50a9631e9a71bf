// The declarations and the sandbox are the same, name by name.

import FleetEngine
import Glibc
import Synchronization
import Testing

@testable import PolicyHost

/// Runs a chunk in a policy's sandbox; the lines that it logs.
private func logged(_ chunk: String) throws -> [String] {
  let lines = Mutex<[String]>([])
  let text = chunk + "\nreturn { route = function() return nil, 'none' end }"
  _ = try DirectPolicy(path: "api.lua", text: Array(text.utf8), log: { line in lines.withLock { $0.append(line) } })
  return lines.withLock { $0 }
}

/// The names in a table of the sandbox.
private func names(in table: String) throws -> Set<String> {
  let line = try logged("local n = {} for k in pairs(\(table)) do n[#n + 1] = k end log(table.concat(n, ' '))")
  return Set(line.joined().split(separator: " ").map(String.init))
}

@Test func fieldsThatAreDeclaredAreThoseOfTheSchema() {
  func declared(_ name: String) -> [String] { PolicyAPI.class(name)?.fields.map(\.name) ?? [] }
  #expect(declared("fleet.Kernel") == KernelRow.fields)
  #expect(declared("fleet.RouteRequest") == Requirements.fields)
  #expect(declared("fleet.AdmitRequest") == Specification.fields)
  #expect(declared("fleet.Pool") == PoolView.fields)
  #expect(declared("fleet.Exit") == Crash.fields)
}

@Test func globalsThatAreDeclaredAreThoseOfTheSandbox() throws {
  #expect(try names(in: "_G") == Set(PolicyAPI.globalNames))
  // Some builds of Lua have the mathematics of older versions as well (LUA_COMPAT_MATHLIB).
  let old: Set = ["atan2", "cosh", "frexp", "ldexp", "log10", "pow", "sinh", "tanh"]
  for (library, members) in PolicyAPI.libraries {
    #expect(try names(in: library).subtracting(old) == Set(members), "\(library)")
  }
  for name in PolicyAPI.class("fleet.Memory")?.names ?? [] {
    #expect(try logged("log(type(memory.\(name)))") == ["function"])
  }
  #expect(PolicyAPI.absent.keys.filter(PolicyAPI.globalNames.contains) == [])
}

private func contents(_ path: String) throws -> String {
  let root = "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
  let file = try #require(fopen("\(root)/\(path)", "r"))
  defer { fclose(file) }
  var buffer = [UInt8](repeating: 0, count: 1 << 20)
  return String(decoding: buffer[..<fread(&buffer, 1, buffer.count, file)], as: UTF8.self)
}

/// The names that C code registers in a list called `methods`.
private func registeredMethods(_ source: String) throws -> Set<String> {
  let text = try contents("Sources/CLua/\(source)")
  let list = try #require(text.firstRange(of: "luaL_Reg methods[] = {")).upperBound
  let end = try #require(text[list...].firstRange(of: "NULL, NULL")).lowerBound
  return Set(text[list..<end].matches(of: /\{"(\w+)"/).map { String($0.1) })
}

@Test func methodsThatAreDeclaredAreThoseThatThereAre() throws {
  for (source, name) in [("set_methods.c", "fleet.Kernels"), ("map_methods.c", "fleet.Map")] {
    #expect(try registeredMethods(source) == Set(PolicyAPI.class(name)?.methods.map(\.name) ?? []), "\(name)")
  }
}

@Test func typesThatAreNamedAreDeclared() {
  let known = Set(PolicyAPI.classes.map(\.name) + ["fleet.NumberField", "fleet.Status"])
  let types = PolicyAPI.classes.flatMap { one in
    one.fields.map(\.type) + one.methods.flatMap { $0.parameters.map(\.type) + $0.returns }
  }
  for type in types {
    for match in type.matches(of: /fleet\.\w+/) { #expect(known.contains(String(match.0)), "\(type)") }
  }
  for point in EntryPoint.allCases { #expect(PolicyAPI.class(PolicyAPI.entry(point).answer) != nil) }
}

@Test func everythingIsExplained() {
  for one in PolicyAPI.classes {
    for doc in [one.doc] + one.fields.map(\.doc) + one.methods.map(\.doc) { #expect(doc.hasSuffix("."), "\(doc)") }
  }
}

@Test func theGuideHasEveryName() throws {
  let guide = try contents("docs/policies.md")
  for one in PolicyAPI.classes {
    for name in one.names {
      #expect(guide.contains(try Regex("\\b\(name)\\b").wordBoundaryKind(.simple)), "\(one.name).\(name)")
    }
  }
  for name in PolicyAPI.functions.map(\.name) { #expect(guide.contains("\(name)("), "\(name)") }
  for point in EntryPoint.allCases { #expect(guide.contains("| `\(point.rawValue)("), "\(point)") }
}
