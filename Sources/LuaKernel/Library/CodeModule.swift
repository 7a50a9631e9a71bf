// Completion and inspection of code that is not run.

enum CodeModule {
  /// A chunk that is called with the prelude's table and returns a table of functions.
  static let source = #"""
    local F = ...
    local code, global = {}, _G
    local type, rawget, next, ipairs, tostring = type, rawget, next, ipairs, tostring
    local match, gmatch, find, sub, gsub, format = string.match, string.gmatch, string.find, string.sub, string.gsub, string.format
    local getmeta, getinfo, getlocal, concat, sort = debug.getmetatable, debug.getinfo, debug.getlocal, table.concat, table.sort
    local open, LIMIT = io.open, 500

    -- Text that is not code ------------------------------------------------------------------------------------------

    --- The code without comments, with empty strings; and what the end of the text stands in: nil, "string" or "comment".
    local function stripped(text)
      local out, at, size = {}, 1, #text
      while at <= size do
        local from = find(text, "[%-'\"%[]", at)
        if not from then
          out[#out + 1] = sub(text, at)
          break
        end
        out[#out + 1] = sub(text, at, from - 1)
        local comment, level = match(text, "^(%-%-)%[(=*)%[", from), nil
        if comment then level = match(text, "^%-%-%[(=*)%[", from) else level = match(text, "^%[(=*)%[", from) end
        if level then
          local _, stop = find(text, "]" .. level .. "]", from, true)
          if not stop then return concat(out), comment and "comment" or "string", sub(text, from + 2 + #level) end
          out[#out + 1] = comment and " " or '""'
          at = stop + 1
        elseif find(text, "^%-%-", from) then
          local stop = find(text, "\n", from, true)
          if not stop then return concat(out), "comment" end
          at = stop
        elseif find(text, "^['\"]", from) then
          local quote, stop = sub(text, from, from), from + 1
          while true do
            local char = sub(text, stop, stop)
            if char == "" or char == "\n" then
              if char == "" then return concat(out), "string", sub(text, from + 1) end
              break
            end
            if char == quote then break end
            stop = stop + (char == "\\" and 2 or 1)
          end
          out[#out + 1] = '""'
          at = stop + 1
        else
          out[#out + 1] = sub(text, from, from)
          at = from + 1
        end
      end
      return concat(out)
    end

    -- Names ----------------------------------------------------------------------------------------------------------

    local keywords = {}
    for word in gmatch("and break do else elseif end false for function goto if in local nil not or repeat return "
      .. "then true until while", "%a+") do keywords[word] = true end

    --- The locals that the text declares, with what is known of them. Blocks are not looked at: a name too many does no harm.
    local function locals(text)
      local found = {}
      local function add(names, kind)
        for name in gmatch(names, "[%a_][%w_]*") do
          if not keywords[name] then found[name] = kind end
        end
      end
      for names in gmatch(text, "local%s+([%a_][%w_%s,<>]*)") do
        if not match(names, "^function%s") then add(gsub(names, "<[^>]*>", ""):match("^[^\n=]*"), "local") end
      end
      for name in gmatch(text, "local%s+function%s+([%a_][%w_]*)") do found[name] = "function" end
      for names in gmatch(text, "function[%s%w_%.:]*%(([^%)]*)%)") do add(names, "parameter") end
      for names in gmatch(text, "%f[%a_]for%s+([%a_][%w_%s,]-)%s*[=]") do add(names, "local") end
      for names in gmatch(text, "%f[%a_]for%s+([%a_][%w_%s,]-)%s+in%f[^%w_]") do add(names, "local") end
      -- A string or a table given to a local tells what may follow its name.
      local values = {}
      for name, start in gmatch(text, "local%s+([%a_][%w_]*)%s*=%s*([\"{])") do values[name] = start == '"' and "" or {} end
      for name, other in gmatch(text, "local%s+([%a_][%w_]*)%s*=%s*([%a_][%w_%.]*)%s*[\n;]") do
        values[name] = code.resolve(other)
      end
      return found, values
    end

    -- Values ---------------------------------------------------------------------------------------------------------

    local function member(value, key)
      for _ = 1, 10 do
        if type(value) == "table" then
          local found = rawget(value, key)
          if found ~= nil then return found end
        end
        local meta = getmeta(value)
        value = type(meta) == "table" and rawget(meta, "__index") or nil
        if type(value) ~= "table" then return nil end
      end
    end

    --- What a dotted name stands for, without running metamethods.
    function code.resolve(path, values)
      local value, first = global, true
      for name in gmatch(path, "[^%.:]+") do
        local known = first and values and values[name]
        if known ~= nil and known ~= false then value = known else value = member(value, name) end
        first = false
        if value == nil then return nil end
      end
      return value
    end

    local function fields(value, prefix, methods, add)
      for _ = 1, 10 do
        if type(value) == "table" then
          for name, found in next, value do
            local kind = type(found)
            if kind == "table" and getmeta(found) and rawget(getmeta(found), "__call") then kind = "function" end
            if not methods or kind == "function" then add(name, kind) end
          end
        end
        local meta = value ~= nil and getmeta(value)
        value = type(meta) == "table" and rawget(meta, "__index") or nil
        if type(value) ~= "table" then return end
      end
    end

    -- Completion -----------------------------------------------------------------------------------------------------

    --- Modules whose names begin so: those that are loaded, and files of package.path.
    local function modules(prefix, add)
      for _, list in ipairs { package.loaded, package.preload } do
        for name in next, list do add(name, "module") end
      end
      local folder = match(prefix, "^(.*)%.[^%.]*$") or ""
      for template in gmatch(package.path, "[^;]+") do
        local base, ending = match(template, "^(.-)%?(.*)$")
        if base then
          local directory = base .. gsub(folder, "%.", "/")
          for _, file in ipairs(F.files(directory == "" and "." or directory)) do
            local name = #file > #ending and sub(file, -#ending) == ending and sub(file, 1, -#ending - 1)
            if name and find(name, "^[%w_%-]+$") then add((folder ~= "" and folder .. "." or "") .. name, "module") end
          end
        end
      end
    end

    --- The names that may stand at the end of `text`, their types, and how many bytes of it they replace. `after` is
    --- the code behind the cursor.
    function code.complete(text, after)
      local names, types = {}, {}
      local prefix = ""
      local function add(name, kind)
        if type(name) ~= "string" or sub(name, 1, #prefix) ~= prefix or types[name] then return end
        if kind ~= "module" and not match(name, "^[%a_][%w_]*$") or #names >= LIMIT then return end
        names[#names + 1], types[name] = name, kind
      end
      local clean, inside, string = stripped(text)
      if inside == "comment" then return 0, {}, {} end
      if inside == "string" then
        if not match(clean, "require%s*%(?%s*$") then return 0, {}, {} end
        prefix = string
        modules(prefix, add)
      else
        local known, values = locals(clean .. " " .. (after or ""))
        local path, separator, part = match(clean, "([%a_][%w_%.:]*)([%.:])([%w_]*)$")
        -- "a .. b" is no field of a.
        if path and find(path, "[%.:]$") then path, separator = nil, nil end
        if not path then
          separator, part = match(clean, '["%)]%s*([:])([%w_]*)$')
          path = separator and match(clean, '""%)?%s*:[%w_]*$') and '""' or nil
        end
        prefix = part or match(clean, "[%a_][%w_]*$") or ""
        if path == '""' then
          fields("", prefix, true, add)
        elseif path then
          fields(code.resolve(path, values), prefix, separator == ":", add)
        elseif not separator and not find(clean, "%.%s*[%w_]*$") or find(clean, "%.%.%s*[%w_]*$") then
          for name, kind in next, known do
            -- The word that is typed is no declaration of itself.
            if name ~= prefix then add(name, kind == "local" and values[name] and type(values[name]) or kind) end
          end
          for word in next, keywords do add(word, "keyword") end
          fields(global, prefix, false, add)
        end
      end
      sort(names)
      local kinds = {}
      for i, name in ipairs(names) do kinds[i] = types[name] end
      return #prefix, names, kinds
    end

    -- Blocks ---------------------------------------------------------------------------------------------------------

    local opens = { ["function"] = 1, ["then"] = 1, ["do"] = 1, ["repeat"] = 1, ["end"] = -1, ["until"] = -1, ["elseif"] = -1 }

    --- The indent of the line that follows unfinished code.
    function code.indent(text)
      local clean, inside = stripped(text)
      if inside == "string" then return "" end
      local depth = 0
      for word in gmatch(clean, "[%a_][%w_]*") do depth = depth + (opens[word] or 0) end
      for bracket in gmatch(clean, "[%(%){}]") do depth = depth + (find(bracket, "[%({]") and 1 or -1) end
      return ("  "):rep(depth < 1 and 1 or depth > 40 and 40 or depth)
    end

    -- Inspection -----------------------------------------------------------------------------------------------------

    --- The comment lines right above a line, and the lines of a function.
    local function text_of(info)
      -- A cell, or the path of a script or module.
      local name = sub(info.source, 2)
      local text = F.cell(name)
      if not text and find(info.source, "^[=@]") then
        local file = open(name, "r")
        text = file and file:read(4 << 20)
        if file then file:close() end
      end
      if not text then return "", nil end
      local lines, number = {}, 0
      for line in gmatch(text .. "\n", "(.-)\n") do
        number = number + 1
        if number > info.lastlinedefined then break end
        lines[number] = line
      end
      local comment, first = {}, info.linedefined - 1
      while lines[first] and find(lines[first], "^%s*%-%-") do
        table.insert(comment, 1, (gsub(lines[first], "^%s*%-%-+%s?", "")))
        first = first - 1
      end
      return concat(comment, "\n"), concat(lines, "\n", info.linedefined, info.lastlinedefined)
    end

    local function signature(path, value, info)
      local names = {}
      for i = 1, info.nparams do names[i] = getlocal(value, i) end
      if info.isvararg then names[#names + 1] = "..." end
      return format("%s(%s)", path, concat(names, ", "))
    end

    --- What the manual says of a function of the standard library, which may have several names (math.atan2).
    local function documented(value)
      for _, library in ipairs { "_G", "string", "table", "math", "io", "os", "coroutine", "utf8", "debug", "package" } do
        local list = package.loaded[library]
        for name, found in next, type(list) == "table" and list or {} do
          if found == value and type(name) == "string" then
            local known = F.part("manual")((library == "_G" and "" or library .. ".") .. name)
            if known then return known end
          end
        end
      end
    end

    --- What the value of a dotted name is; nothing if there is no value. With `detailed`, a
    --- function's source too.
    function code.inspect(path, detailed, text)
      local _, values
      if text then _, values = locals((stripped(text))) end
      if keywords[path] then return F.part("manual")(path) end
      local value = code.resolve(path, values)
      if value == nil then return end
      if type(value) ~= "function" then
        local known = type(value) == "table" and F.part("manual")(path)
        local shown = path .. ": " .. type(value) .. "\n" .. (known and known .. "\n" or "") .. F.show_one(value)
        return shown
      end
      local known = documented(value) or F.part("manual")(path)
      if known then return known end
      local info = getinfo(value, "Su")
      if info.what == "C" or info.short_src == "fleet" then return path .. ": function (built in)" end
      local comment, source = text_of(info)
      local out = { signature(path, value, info) }
      if comment ~= "" then out[#out + 1] = comment end
      out[#out + 1] = format("defined in %s, line %d", info.short_src, info.linedefined)
      if source and (detailed or #source < 2000) then out[#out + 1] = "\n" .. source end
      return concat(out, "\n")
    end

    return code
    """#
}
