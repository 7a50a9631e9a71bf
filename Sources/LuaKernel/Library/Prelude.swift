// The part of the kernel that is written in Lua: running chunks, showing values, input.

enum Prelude {
  /// Runs once in a fresh state with the callbacks `ask` and `quit` in the global `__fleet`, and leaves its functions
  /// there. It keeps the library functions that it uses, so that scripts may replace them.
  static let source = #"""
    local F = __fleet
    local ask, quit = F.ask, F.quit
    local type, tostring, rawget, rawset, next, select = type, tostring, rawget, rawset, next, select
    local getmetatable, setmetatable, pcall, error, tonumber = getmetatable, setmetatable, pcall, error, tonumber
    local format, rep, concat, sort, find, sub = string.format, string.rep, table.concat, table.sort, string.find, string.sub
    local match, mathtype, global = string.match, math.type, _G
    local getmeta = debug.getmetatable

    -- Values for people ------------------------------------------------------------------------------------------

    local WIDTH, DEPTH, ENTRIES, LENGTH = 76, 6, 200, 65536
    local escapes = { ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ["\0"] = "\\0", ['"'] = '\\"', ["\\"] = "\\\\" }
    local gsub = string.gsub

    local function quote(text)
      if #text > LENGTH then text = sub(text, 1, LENGTH) .. "…" end
      return '"' .. gsub(text, '[%c"\\]', function(c) return escapes[c] or format("\\x%02x", c:byte()) end) .. '"'
    end

    local order = { number = 1, string = 2, boolean = 3 }
    local function before(a, b)
      local x, y = type(a), type(b)
      if x == y and (x == "number" or x == "string") then return a < b end
      return (order[x] or 9) < (order[y] or 9)
    end

    local function has_text(value)
      local meta = getmeta(value)
      return type(meta) == "table" and (rawget(meta, "__tostring") ~= nil or rawget(meta, "__name") ~= nil)
    end

    local describe
    local function entries(value, depth, seen, budget)
      local parts, length = {}, #value
      if length > ENTRIES then length = ENTRIES end
      for i = 1, length do parts[i] = describe(rawget(value, i), depth + 1, seen, budget) end
      local keys, left = {}, 0
      for key in next, value do
        if not (mathtype(key) == "integer" and key >= 1 and key <= length) then
          if #keys < ENTRIES then keys[#keys + 1] = key else left = left + 1 end
        end
      end
      sort(keys, before)
      for _, key in ipairs(keys) do
        local name = type(key) == "string" and match(key, "^[%a_][%w_]*$")
          or "[" .. describe(key, depth + 1, seen, budget) .. "]"
        parts[#parts + 1] = name .. " = " .. describe(rawget(value, key), depth + 1, seen, budget)
      end
      if left > 0 then parts[#parts + 1] = "… " .. left .. " more" end
      return parts
    end

    describe = function(value, depth, seen, budget)
      if type(value) == "string" then return quote(value) end
      if type(value) ~= "table" or has_text(value) then return tostring(value) end
      if seen[value] then return "<cycle>" end
      if depth >= DEPTH or budget.left <= 0 then return "{…}" end
      seen[value] = true
      local meta = getmeta(value)
      -- What a read-only table stands for.
      local values = type(meta) == "table" and rawget(meta, "__fleet_values") or value
      local parts = entries(values, depth, seen, budget)
      seen[value] = nil
      local line = "{" .. (#parts > 0 and " " .. concat(parts, ", ") .. " " or "") .. "}"
      if #line > WIDTH or find(line, "\n", 1, true) then
        local indent = rep("  ", depth + 1)
        line = "{\n" .. indent .. concat(parts, ",\n" .. indent) .. "\n" .. rep("  ", depth) .. "}"
      end
      budget.left = budget.left - #line
      return line
    end

    local function show_one(value)
      if type(value) == "table" then return describe(value, 0, {}, { left = LENGTH }) end
      return tostring(value)
    end
    F.show_one = show_one

    --- The text of a value that shows itself otherwise: its own, or else what it is.
    function F.plain(value) return has_text(value) and tostring(value) or "<" .. type(value) .. ">" end

    --- Raises an error at the innermost place that is not the kernel's own; a tail call may have hidden it.
    local getinfo = debug.getinfo
    function F.fail(message)
      for level = 2, 12 do
        local info = getinfo(level, "Sl")
        if not info then break end
        if info.currentline > 0 and info.short_src ~= "fleet" then error(message, level) end
      end
      error(message, 0)
    end

    -- Parts are compiled when they are first used.
    local source, load, parts = F.source, load, {}
    local function part(name)
      local found = parts[name]
      if not found then
        found = load(source(name), "=fleet")(F)
        parts[name] = found
      end
      return found
    end
    F.part = part

    local io_output, console = io.output, { [io.stdout] = true, [io.stderr] = true }
    local function represent(value)
      -- What io.write returns is not what somebody who writes wants to see.
      if console[value] or (type(value) == "userdata" and value == io_output()) then return end
      if type(value) == "table" or type(value) == "userdata" then
        local meta = getmeta(value)
        local custom
        if type(meta) == "table" then custom = rawget(meta, "__jupyter") end
        if custom == false then return end
        if custom or (type(value) == "table" and not meta and type(rawget(value, 1)) == "table") then
          return part("rich").represent(value)
        end
      end
      return show_one(value)
    end

    --- The text of values; of a single one also its representations by MIME type and their metadata, if it has any.
    local function show(...)
      local count = select("#", ...)
      if count == 0 then return end
      if count == 1 then return represent((...)) end
      local texts = { ... }
      for i = 1, count do texts[i] = show_one(texts[i]) end
      return concat(texts, "\t")
    end

    -- Modules that LuaRocks installed for this user, unless the environment says where modules are.
    local home, getenv = os.getenv("HOME"), os.getenv
    if home and not (getenv("LUA_PATH_5_4") or getenv("LUA_PATH")) then
      local share = home .. "/.luarocks/share/lua/5.4/"
      package.path = share .. "?.lua;" .. share .. "?/init.lua;" .. package.path
    end
    if home and not (getenv("LUA_CPATH_5_4") or getenv("LUA_CPATH")) then
      package.cpath = home .. "/.luarocks/lib/lua/5.4/?.so;" .. package.cpath
    end

    -- Chunks -----------------------------------------------------------------------------------------------------

    local function take()
      local chunk = rawget(global, "__fleet_chunk")
      rawset(global, "__fleet_chunk", nil)
      return chunk
    end

    function F.run(...) return show(take()(...)) end

    function F.script(...)
      local chunk = take()
      chunk(...)
    end

    -- Rich output ------------------------------------------------------------------------------------------------

    function display(...) return part("rich").display(...) end
    local clear = F.clear
    function clear_output(wait) clear(wait) end
    plot = setmetatable({}, {
      __name = "plot",
      __index = function(_, kind) return part("plot")[kind] end,
      __call = function(_, ...) return part("plot").line(...) end,
    })
    function progress(...) return part("progress").start(...) end

    -- Input ------------------------------------------------------------------------------------------------------

    local stdin, io_input, io_lines, pending = io.stdin, io.input, io.lines, ""
    local methods = getmetatable(stdin).__index
    local file_read, file_lines = methods.read, methods.lines

    local function fill()
      local line = ask()
      if line == nil then return false end
      pending = pending .. line .. "\n"
      return true
    end

    local readers = {}
    function readers.L()
      while true do
        local line = match(pending, "^[^\n]*\n")
        if line then
          pending = sub(pending, #line + 1)
          return line
        end
        if not fill() then
          line, pending = pending, ""
          return line ~= "" and line or nil
        end
      end
    end
    function readers.l()
      local line = readers.L()
      return line and (gsub(line, "\n$", ""))
    end
    function readers.a()
      while fill() do end
      local text = pending
      pending = ""
      return text
    end
    function readers.n()
      while not match(pending, "%S") do
        pending = ""
        if not fill() then return nil end
      end
      local text, rest = match(pending, "^%s*([+-]?[%w%.]+)(.*)$")
      if not text then return nil end
      pending = rest
      return tonumber(text)
    end
    local function count_reader(count)
      while #pending < count do
        if not fill() then break end
      end
      if pending == "" then return nil end
      local text = sub(pending, 1, count)
      pending = sub(pending, count + 1)
      return text
    end

    local function read_stdin(...)
      local formats = select("#", ...) == 0 and { "l" } or { ... }
      local results = {}
      for i, wanted in ipairs(formats) do
        if type(wanted) == "number" then
          results[i] = count_reader(wanted)
        else
          local reader = readers[match(tostring(wanted), "^%*?(.)")]
          if not reader then error("bad argument #" .. i .. " to 'read' (invalid format)", 3) end
          results[i] = reader()
        end
        if results[i] == nil then return table.unpack(results, 1, i) end
      end
      return table.unpack(results, 1, #formats)
    end

    function methods.read(file, ...)
      if file == stdin then return read_stdin(...) end
      return file_read(file, ...)
    end
    function methods.lines(file, ...)
      if file ~= stdin then return file_lines(file, ...) end
      local formats = table.pack(...)
      return function() return read_stdin(table.unpack(formats, 1, formats.n)) end
    end
    function io.read(...) return methods.read(io_input(), ...) end
    function io.lines(name, ...)
      if name ~= nil then return io_lines(name, ...) end
      return methods.lines(io_input(), ...)
    end

    function F.forget_input() pending = "" end

    --- Asks for a line that is not shown as it is typed; nil at the end of the input.
    function password(prompt)
      if prompt ~= nil and type(prompt) ~= "string" then F.fail("password: the prompt must be a string") end
      return (ask(prompt or "Password: ", true))
    end

    -- The end ----------------------------------------------------------------------------------------------------

    function os.exit(code)
      if code == nil or code == true then code = 0 elseif code == false then code = 1 end
      quit(code)
      while true do end -- until the abort arrives
    end

    -- Completion and inspection ----------------------------------------------------------------------------------

    function F.complete(...) return part("code").complete(...) end
    function F.indent(...) return part("code").indent(...) end
    function F.inspect(...) return part("code").inspect(...) end

    --- Shows what a dotted name stands for in the client's pager.
    local page = F.page
    function help(path)
      if type(path) ~= "string" then error("help: expected a name as a string, such as help('string.format')", 2) end
      page({ ["text/plain"] = F.inspect(path) or path .. ": there is nothing with this name" })
    end

    -- Read-only tables -------------------------------------------------------------------------------------------

    function F.readonly(values)
      for key, value in next, values do
        if type(value) == "table" then values[key] = F.readonly(value) end
      end
      return setmetatable({}, {
        __index = values,
        __fleet_values = values,
        __newindex = function(_, key) error("the kernel's configuration is read-only: " .. tostring(key), 2) end,
        __pairs = function() return next, values, nil end,
        __len = function() return #values end,
        __metatable = false,
      })
    end
    function F.publish(name, values) rawset(global, name, F.readonly(values)) end

    -- Comms ------------------------------------------------------------------------------------------------------

    comm = {}
    for _, name in ipairs { "open", "register" } do
      comm[name] = function(...) return part("comm")[name](...) end
    end
    --- Without the part, there is nothing that a script could have registered.
    function F.comm_received(...) return parts.comm ~= nil and parts.comm.received(...) end

    -- Language models --------------------------------------------------------------------------------------------

    --- `llm`: what the config says of the model, and the functions that ask it.
    function F.publish_model(settings)
      F.publish("llm", settings)
      local functions, published = {}, global.llm
      for _, name in ipairs { "chat", "complete", "stream" } do
        functions[name] = function(...) return part("llm")[name](...) end
      end
      setmetatable(settings, { __index = functions })
      package.preload.llm = function() return published end
    end
    """#
}
