// What `fleet policy init` writes: a policy to change, and its test.

import JSON
import PolicyHost

enum PolicyTemplate {
  static func policy(_ name: String) -> String {
    """
    -- \(name): which kernel does a client get?
    --
    -- Fleet asks 'route' whenever somebody says what kernel they need instead of which one. 'request' is what they said
    -- (nil where they do not care), 'fleet' is every kernel there is; both can be read and not written. The answer is
    --   { use = kernel.id }                      this kernel
    --   { spawn = { config = …, language = … } } a new one; what is left out is taken from the request
    --   { wait = 0.5 }                           ask again after so many seconds
    --   { reject = "why" }                       nothing, and why
    --   nil                                      no opinion: the next policy decides, or Fleet's own rule
    -- and a reason, for people. The other functions that a policy may have: admit, scale, alert, restart. An editor with
    -- lua-language-server knows all of them, and every field, from \(DefinitionFile.name).
    --
    -- fleet policy check \(name).lua    finds mistakes
    -- fleet policy test \(name).lua     runs \(name).test.lua

    -- No kernel gets more clients than this.
    local most = 4

    ---@type fleet.Policy
    local policy = {
      route = function(request, fleet)
        -- Of those that can serve the request, the one with the fewest clients; nil if there is none.
        local kernel = fleet:match(request):least("clients")
        if not kernel then return { spawn = {} }, "nothing matches yet" end
        if kernel.clients >= most then return { spawn = {} }, "every kernel that matches has " .. most .. " clients" end
        return { use = kernel.id }, "fewest clients: " .. kernel.clients
      end,
    }

    return policy

    """
  }

  static func test(_ name: String) -> String {
    """
    -- Tests of \(name).lua: fleet policy test \(name).lua

    describe("\(name)", function()
      it("gives the kernel with the fewest clients", function()
        local busy, quiet = kernel{ clients = 3 }, kernel{ clients = 1 }
        local answer, reason = ask.route({ language = "lua" }, fleet{ busy, quiet })
        expect(answer.use):equals(quiet.id)
        expect(reason):contains("fewest")
      end)

      it("starts another when all are full", function()
        local answer = ask.route({}, fleet{ kernel{ clients = 4 }, kernel{ clients = 7 } })
        expect(answer.spawn):equals({})
      end)

      it("starts one where nothing matches", function()
        local answer = ask.route({ language = "python" }, fleet{ kernel{ language = "lua" } })
        expect(answer.spawn):equals({})
      end)
    end)

    """
  }

  /// Of lua-language-server, for the directory: which Lua, which of its libraries are not there, and what tests find.
  static var settings: String {
    let absent = ["io", "os", "package", "debug"].map { ($0, JSON.string("disable")) }
    let document: JSON = .object([
      "runtime.version": .string("Lua 5.4"),
      "runtime.builtin": .object(Dictionary(uniqueKeysWithValues: absent)),
      "workspace.library": .array([.string(DefinitionFile.name)]),
      "diagnostics.globals": .array(FixtureGlobals.names.map(JSON.string)),
    ])
    return document.text(pretty: true) + "\n"
  }
}

/// The global names that a test file finds.
enum FixtureGlobals {
  /// Those that the prelude of fixtures sets, other than its own.
  static var names: [String] {
    guard let chunk = try? LuaChunk(FixturePrelude.text, name: "prelude") else { return [] }  // a test reads it
    var names: Set<String> = []
    for statement in chunk.body.statements {
      switch statement.kind {
      case .function(let target, _): Self.add(target, to: &names)
      case .assignment(let targets, _): for target in targets { Self.add(target, to: &names) }
      default: break
      }
    }
    return names.filter { !$0.hasPrefix("_") }.sorted()
  }

  private static func add(_ target: LuaExpression, to names: inout Set<String>) {
    if case .name(let name, .global) = target.kind { names.insert(name) }
  }
}
