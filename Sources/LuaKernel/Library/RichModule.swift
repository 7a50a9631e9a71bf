// Rich representations of values, display and clear_output.

enum RichModule {
  /// A chunk that is called with the prelude's table and returns a table of functions.
  static let source = #"""
    local F = ...
    local rich, show = {}, F.show_one
    local type, rawget, next, tostring, select = type, rawget, next, tostring, select
    local getmeta, setmetatable, error = debug.getmetatable, setmetatable, error
    local find, gsub, concat, sort, min = string.find, string.gsub, table.concat, table.sort, math.min
    local ROWS, COLUMNS, CELL = 100, 20, 200

    local short = {
      text = "text/plain", html = "text/html", markdown = "text/markdown", svg = "image/svg+xml", png = "image/png",
      jpeg = "image/jpeg", json = "application/json", latex = "text/latex",
    }
    local options = { id = true, update = true, metadata = true }

    --- The representations in a table that holds nothing else, by MIME type; or nil.
    local function bundle(value)
      local data, found = {}, false
      for key, content in next, value do
        local mime = short[key] or (type(key) == "string" and find(key, "^[%w.+-]+/[%w.+-]+$") and key)
        if mime then
          data[mime], found = content, true
        elseif not options[key] then
          return nil
        end
      end
      return found and data or nil
    end

    -- Arrays of records ------------------------------------------------------------------------------------------

    local entities = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }
    local function escape(text) return (gsub(text, '[&<>"]', entities)) end
    rich.escape = escape

    local function cell(value)
      if value == nil then return "" end
      local text = type(value) == "string" and value or show(value)
      if #text > CELL then text = text:sub(1, utf8.offset(text, 0, CELL) - 1) .. "…" end
      return escape(text)
    end

    --- The names that the records have, sorted.
    local function columns(list, rows)
      local names, seen = {}, {}
      for i = 1, rows do
        for key in next, rawget(list, i) do
          if not seen[key] then
            if type(key) ~= "string" then return nil end
            seen[key] = true
            names[#names + 1] = key
          end
        end
      end
      sort(names)
      return names
    end

    local function html_table(list)
      local length = #list
      local rows = min(length, ROWS)
      for i = 1, rows do
        if type(rawget(list, i)) ~= "table" or getmeta(rawget(list, i)) then return nil end
      end
      local names = columns(list, rows)
      if not names or #names == 0 then return nil end
      local out, width = { "<table>\n<thead><tr><th></th>" }, min(#names, COLUMNS)
      local function add(text) out[#out + 1] = text end
      for i = 1, width do add("<th>" .. cell(names[i]) .. "</th>") end
      if #names > width then add("<th>… " .. #names - width .. " more</th>") end
      add("</tr></thead>\n<tbody>\n")
      for row = 1, rows do
        add("<tr><th>" .. row .. "</th>")
        for i = 1, width do
          local value = rawget(rawget(list, row), names[i])
          add((type(value) == "number" and '<td style="text-align:right">' or "<td>") .. cell(value) .. "</td>")
        end
        add(#names > width and "<td>…</td></tr>\n" or "</tr>\n")
      end
      add("</tbody>\n</table>\n")
      if length > rows then add("<p>" .. length - rows .. " more rows</p>\n") end
      return concat(out)
    end

    -- Values -----------------------------------------------------------------------------------------------------

    --- The text of a value, all its representations if there are more, and their metadata.
    function rich.represent(value)
      local meta = getmeta(value)
      local custom = type(meta) == "table" and rawget(meta, "__jupyter")
      if custom then
        local data, metadata = custom(value)
        if type(data) == "string" then return data end
        local chosen = type(data) == "table" and bundle(data)
        if not chosen then error("__jupyter must return a string or a table of representations by MIME type", 0) end
        chosen["text/plain"] = chosen["text/plain"] or F.plain(value)
        return chosen["text/plain"], chosen, metadata or data.metadata
      end
      local text = show(value)
      local html = type(value) == "table" and not meta and type(rawget(value, 1)) == "table" and html_table(value)
      if html then return text, { ["text/plain"] = text, ["text/html"] = html } end
      return text
    end

    -- display ----------------------------------------------------------------------------------------------------

    local Handle = { __name = "display", __jupyter = false }
    Handle.__index = Handle
    local count = 0

    local function send(value, id, update)
      local plain = type(value) == "table" and not getmeta(value)
      local data, metadata = plain and bundle(value) or nil, nil
      if data then
        metadata, id, update = value.metadata, id or value.id, update or value.update
        data["text/plain"] = data["text/plain"] or "<" .. next(data) .. ">"
      else
        local text
        text, data, metadata = rich.represent(value)
        data = data or { ["text/plain"] = text }
      end
      if id == true then
        count = count + 1
        id = "display-" .. count .. "-" .. F.now()
      end
      if id ~= nil then id = tostring(id) end
      F.display(data, metadata, id, update)
      return id and setmetatable({ id = id }, Handle)
    end

    function Handle:update(value) send(value, self.id, true) end

    --- Shows values. A table of representations, {html = …, text = …, id = …}, is shown as what it holds; with an id,
    --- returns a handle whose update(value) shows another value in its place.
    function rich.display(...)
      local handle
      for i = 1, select("#", ...) do handle = send((select(i, ...))) end
      return handle
    end

    rich.send = send
    return rich
    """#
}
