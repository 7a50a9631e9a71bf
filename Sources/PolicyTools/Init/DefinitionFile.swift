// `fleet.d.lua`: what lua-language-server and other editors read, made from the declarations of PolicyHost.

import FleetEngine
import PolicyHost

enum DefinitionFile {
  static let name = "fleet.d.lua"

  static var text: String {
    ([head] + aliases + PolicyAPI.classes.map(text) + [policy] + PolicyAPI.functions.map { function($0, in: "") }
      + PolicyAPI.variables.map { "---@type \($0.type)\n\($0.name) = {}\n" })
      .joined(separator: "\n")
  }

  private static let head = """
    ---@meta
    -- What a policy of Fleet finds and answers, for editors: completion, hover and checks. Nothing runs this file.
    -- It is made by 'fleet policy init'; after an upgrade of Fleet, delete it and run that again.

    """

  private static var aliases: [String] {
    [
      alias("fleet.NumberField", PolicyAPI.numberFields, "A field of a kernel that is a number."),
      alias("fleet.Status", Status.allCases.map(\.rawValue), "What a kernel does."),
    ]
  }

  private static func alias(_ name: String, _ values: [String], _ doc: String) -> String {
    "---\(doc)\n---@alias \(name)\n" + values.map { "---| \"\($0)\"\n" }.joined()
  }

  private static func text(_ one: PolicyAPI.Class) -> String {
    let table = one.name.split(separator: ".").last.map(String.init) ?? one.name
    var lines = ["---\(one.doc)", "---@class \(one.name)"]
    for field in one.fields {
      // A keyword of Lua is written as a string.
      let name = LuaKeyword(rawValue: field.name) == nil ? field.name : "[\"\(field.name)\"]"
      lines.append("---@field \(name) \(field.type) \(field.doc)")
    }
    if one.name == "fleet.Kernels" { lines.append("---@operator len: integer") }
    if !one.methods.isEmpty { lines.append("local \(table) = {}") }
    let methods = one.methods.map { "\n" + function($0, in: table + (one.callsWithDot ? "." : ":")) }
    return lines.joined(separator: "\n") + "\n" + methods.joined()
  }

  private static func function(_ one: PolicyAPI.Function, in prefix: String) -> String {
    var lines = ["---\(one.doc)"]
    lines += one.parameters.map { "---@param \($0.name) \($0.type)" }
    lines += one.returns.map { "---@return \($0)" }
    let names = one.parameters.map { $0.name.replacing("?", with: "") }.joined(separator: ", ")
    lines.append("function \(prefix)\(one.name)(\(names)) end")
    return lines.joined(separator: "\n") + "\n"
  }

  private static var policy: String {
    let fields = EntryPoint.allCases.map { point in
      let entry = PolicyAPI.entry(point)
      let parameters = entry.parameters.map { "\($0.name): \($0.type)" }.joined(separator: ", ")
      let answer = entry.answersList ? "\(entry.answer)[]?" : "\(entry.answer)?"
      return "---@field \(point.rawValue)? fun(\(parameters)): \(answer), string? \(entry.doc)\n"
    }
    return "---What a policy file returns: one or more of these. Nil and a reason is no opinion.\n"
      + "---@class fleet.Policy\n" + fields.joined()
  }
}
