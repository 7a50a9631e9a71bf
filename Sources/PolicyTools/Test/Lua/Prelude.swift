// What a Lua fixture finds beside Lua's own library, itself in Lua. See docs/policy-testing.md.

enum FixturePrelude {
  /// Ends with a table of functions for the host: `count`, `describe_test` and `run`.
  static let text = [values, registry, expectations, builders].joined(separator: "\n")

  /// Showing and comparing values. `host` is what Swift offers.
  private static let values = #"""
    local host = __host

    -- The position "file:line: " of the function `level` calls above the caller.
    local function where(level)
      local _, position = pcall(error, "", level + 3)
      return position
    end

    local function fail(level, failure)
      if type(failure) == "string" then failure = { message = failure } end
      failure.is_failure = true
      failure.where = where(level + 1)
      error(failure, 0)
    end

    local function show_string(text)
      local escapes = { ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ['"'] = '\\"', ["\\"] = "\\\\" }
      return '"' .. text:gsub('[%c"\\]', function(c) return escapes[c] or ("\\x%02x"):format(c:byte()) end) .. '"'
    end

    local function is_name(key) return type(key) == "string" and key:find("^[%a_][%w_]*$") end

    local show

    -- `is_long`: each field on a line of its own, to be compared line by line.
    local function show_table(value, indent, around, is_long)
      if around[value] then return "{ … itself … }" end
      around[value] = true
      local parts, length, inner = {}, 0, indent .. "  "
      local function add(text)
        parts[#parts + 1] = text
        length = length + #text + 2
      end
      for i = 1, #value do add(show(value[i], is_long, inner, around)) end
      for key, field in pairs(value) do
        local is_index = math.type(key) == "integer" and key >= 1 and key <= #value
        if not is_index then
          add((is_name(key) and key or "[" .. show(key) .. "]") .. " = " .. show(field, is_long, inner, around))
        end
      end
      around[value] = nil
      if #parts == 0 then return "{}" end
      if not is_long and #indent + length <= 70 then return "{ " .. table.concat(parts, ", ") .. " }" end
      return "{\n" .. inner .. table.concat(parts, ",\n" .. inner) .. ",\n" .. indent .. "}"
    end

    function show(value, is_long, indent, around)
      if type(value) == "string" then return show_string(value) end
      if type(value) == "table" then return show_table(value, indent or "", around or {}, is_long) end
      return tostring(value)
    end

    -- On one line, as far as there is room.
    local function brief(value)
      local text = show(value)
      return text:find("\n") and "a table" or text
    end

    local function same(a, b)
      if a == b then return true end
      if type(a) ~= "table" or type(b) ~= "table" then return false end
      for key, value in pairs(a) do
        if not same(value, b[key]) then return false end
      end
      for key in pairs(b) do
        if a[key] == nil then return false end
      end
      return true
    end
    """#

  /// `describe`, `it`, `before_each`.
  private static let registry = #"""
    local tests, path, hooks = {}, {}, {}

    local function check_name(what, name, body)
      if type(name) ~= "string" then fail(2, what .. " needs a name: " .. what .. '("…", function() … end)') end
      if type(body) ~= "function" then fail(2, what .. ' "' .. name .. '" needs a function as its second argument') end
    end

    function describe(name, body)
      check_name("describe", name, body)
      local outer = hooks
      hooks = { table.unpack(outer) }
      path[#path + 1] = name
      body()
      path[#path] = nil
      hooks = outer
    end

    function it(name, body)
      check_name("it", name, body)
      if not path then fail(1, "it can stand inside describe, not inside another it") end
      local names = { table.unpack(path) }
      names[#names + 1] = name
      tests[#tests + 1] = { names = names, body = body, hooks = hooks, where = where(1) }
    end

    function before_each(body)
      if type(body) ~= "function" then fail(1, "before_each needs a function") end
      hooks = { table.unpack(hooks) }
      hooks[#hooks + 1] = body
    end

    local begin

    local function run(number)
      local test = tests[number]
      path = nil
      begin()
      for _, hook in ipairs(test.hooks) do hook() end
      test.body()
    end

    local function list()
      local names = {}
      for i, test in ipairs(tests) do names[i] = { names = test.names, where = test.where } end
      return names
    end
    """#
}
