// plot: line, bar, scatter and histogram as SVG.

enum PlotModule {
  /// A chunk that is called with the prelude's table and returns a table of functions.
  static let source = #"""
    local F = ...
    local plot, escape = {}, F.part("rich").escape
    local type, tostring, ipairs, setmetatable, error = type, tostring, ipairs, setmetatable, error
    local format, concat, floor, ceil, log, huge = string.format, table.concat, math.floor, math.ceil, math.log, math.huge
    local WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM, POINTS = 560, 320, 64, 16, 32, 44, 5000
    local colors = { "#1f6fb4", "#e0701a", "#2f9e44", "#c92a2a", "#7048b6", "#8a5a44" }

    -- Data ---------------------------------------------------------------------------------------------------------

    local function is_number(value) return type(value) == "number" and value == value and value < huge and value > -huge end

    local function check(list, what)
      if type(list) ~= "table" then error("plot: " .. what .. " must be a list of numbers, not " .. type(list), 0) end
      for i, value in ipairs(list) do
        if type(value) ~= "number" then error(format("plot: %s[%d] is a %s, not a number", what, i, type(value)), 0) end
      end
      return list
    end

    --- The series of `{1, 2, 3}`, `{y = …, x = …}` or `{{y = …, label = …}, …}`.
    local function series_of(data)
      if type(data) ~= "table" then error("plot: expected a table, not " .. type(data), 0) end
      local found = {}
      local function add(one)
        local list = one.y or one
        check(list, "y")
        if one.x then check(one.x, "x") end
        local x, y, step = {}, {}, ceil(#list / POINTS)
        for i = 1, #list, step < 1 and 1 or step do
          local at = one.x and one.x[i] or not one.x and i
          if is_number(at) and is_number(list[i]) then x[#x + 1], y[#y + 1] = at, list[i] end
        end
        found[#found + 1] = { x = x, y = y, label = one.label }
      end
      if type(data[1]) == "table" then
        for _, one in ipairs(data) do add(one) end
      else
        add(data)
      end
      return found
    end

    -- Axes ---------------------------------------------------------------------------------------------------------

    local function range(series, key, zero)
      local low, high = huge, -huge
      for _, one in ipairs(series) do
        for _, value in ipairs(one[key]) do
          if value < low then low = value end
          if value > high then high = value end
        end
      end
      if low > high then low, high = 0, 1 end
      if zero then low, high = low < 0 and low or 0, high > 0 and high or 0 end
      if low == high then
        local by = low == 0 and 1 or (low < 0 and -low or low) / 2
        low, high = low - by, high + by
      end
      return low, high
    end

    --- Round steps: 1, 2 or 5 times a power of ten, about `wanted` of them.
    local function ticks(low, high, wanted)
      local rough = (high - low) / wanted
      local power = 10.0 ^ floor(log(rough, 10))
      local step = power
      for _, factor in ipairs { 2, 5, 10 } do
        if step < rough then step = factor * power end
      end
      local list = {}
      for i = ceil(low / step - 1e-9), floor(high / step + 1e-9) do list[#list + 1] = i * step end
      return list
    end

    local function number(value)
      if value == 0 then value = 0.0 end
      return (format("%.6g", value):gsub("^%-0$", "0"))
    end

    --- A drawing with its axes, and functions from values to places in it.
    local function canvas(options, x_low, x_high, y_low, y_high, names)
      local out = {}
      local function add(...) out[#out + 1] = format(...) end
      local width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
      local function px(x) return LEFT + (x - x_low) / (x_high - x_low) * width end
      local function py(y) return TOP + height - (y - y_low) / (y_high - y_low) * height end
      add('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" '
        .. 'font-family="sans-serif" font-size="11">', WIDTH, HEIGHT, WIDTH, HEIGHT)
      add('<rect width="%d" height="%d" fill="#fff"/>', WIDTH, HEIGHT)
      local function text(x, y, anchor, content, more)
        add('<text x="%.1f" y="%.1f" text-anchor="%s" fill="#444"%s>%s</text>', x, y, anchor, more or "", escape(content))
      end
      for _, y in ipairs(ticks(y_low, y_high, 5)) do
        add('<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#e6e6e6"/>', LEFT, WIDTH - RIGHT, py(y), py(y))
        text(LEFT - 6, py(y) + 4, "end", number(y))
      end
      if names then
        local every = ceil(#names / 12)
        for i = 1, #names, every < 1 and 1 or every do
          text(px(i), HEIGHT - BOTTOM + 16, "middle", tostring(names[i]))
        end
      else
        for _, x in ipairs(ticks(x_low, x_high, 8)) do
          add('<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#f2f2f2"/>', px(x), px(x), TOP, HEIGHT - BOTTOM)
          text(px(x), HEIGHT - BOTTOM + 16, "middle", number(x))
        end
      end
      add('<path d="M%d %dV%dH%d" fill="none" stroke="#888"/>', LEFT, TOP, HEIGHT - BOTTOM, WIDTH - RIGHT)
      if options.title then
        text(WIDTH / 2, 20, "middle", tostring(options.title), ' font-size="14" font-weight="bold"')
      end
      if options.xlabel then text(LEFT + width / 2, HEIGHT - 8, "middle", tostring(options.xlabel)) end
      if options.ylabel then
        local y = TOP + height / 2
        text(14, y, "middle", tostring(options.ylabel), format(' transform="rotate(-90 14 %.1f)"', y))
      end
      return { add = add, text = text, px = px, py = py, out = out }
    end

    local function color(index) return colors[(index - 1) % #colors + 1] end

    local Plot = { __name = "plot" }
    Plot.__index = Plot
    function Plot:__tostring() return "<plot: " .. self.kind .. ">" end
    function Plot:__jupyter() return { ["image/svg+xml"] = self.svg, ["text/plain"] = tostring(self) } end

    local function finish(c, kind, series)
      local row = 0
      for i, one in ipairs(series) do
        if one.label then
          local y = TOP + 10 + 16 * row
          c.add('<rect x="%d" y="%d" width="10" height="10" fill="%s"/>', WIDTH - RIGHT - 14, y, color(i))
          c.text(WIDTH - RIGHT - 20, y + 9, "end", tostring(one.label))
          row = row + 1
        end
      end
      c.add("</svg>")
      return setmetatable({ kind = kind, svg = concat(c.out, "\n") }, Plot)
    end

    -- Kinds --------------------------------------------------------------------------------------------------------

    function plot.line(data, options)
      local series = series_of(data)
      local x_low, x_high = range(series, "x")
      local c = canvas(options or data, x_low, x_high, range(series, "y"))
      for i, one in ipairs(series) do
        local points = {}
        for j, x in ipairs(one.x) do points[j] = format("%.1f,%.1f", c.px(x), c.py(one.y[j])) end
        c.add('<polyline points="%s" fill="none" stroke="%s" stroke-width="1.8"/>', concat(points, " "), color(i))
      end
      return finish(c, "line", series)
    end

    function plot.scatter(data, options)
      local series = series_of(data)
      local x_low, x_high = range(series, "x")
      local c = canvas(options or data, x_low, x_high, range(series, "y"))
      for i, one in ipairs(series) do
        for j, x in ipairs(one.x) do
          c.add('<circle cx="%.1f" cy="%.1f" r="3" fill="%s" fill-opacity="0.7"/>', c.px(x), c.py(one.y[j]), color(i))
        end
      end
      return finish(c, "scatter", series)
    end

    local function bars(c, x, y, width, fill)
      local from, to = c.py(0), c.py(y)
      c.add('<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>', c.px(x), from < to and from or to,
        c.px(x + width) - c.px(x), from < to and to - from or from - to, fill)
    end

    --- `x` are names here, of any type.
    function plot.bar(data, options)
      local list = type(data) == "table" and type(data[1]) ~= "table" and { data } or data
      local series, names = {}, nil
      for i, one in ipairs(type(list) == "table" and list or error("plot: expected a table, not " .. type(list), 2)) do
        names = names or one.x
        series[i] = series_of({ y = one.y or one, label = one.label })[1]
      end
      local count = 0
      for _, one in ipairs(series) do count = #one.y > count and #one.y or count end
      if not names then
        names = {}
        for i = 1, count do names[i] = i end
      end
      local low, high = range(series, "y", true)
      local c = canvas(options or data, 0.4, count + 0.6, low, high, names)
      local width = 0.8 / (#series > 0 and #series or 1)
      for i, one in ipairs(series) do
        for j, y in ipairs(one.y) do bars(c, one.x[j] - 0.4 + (i - 1) * width, y, width * 0.95, color(i)) end
      end
      return finish(c, "bar", series)
    end

    --- How often values fall into each of `bins` equal ranges (by default as many as Sturges' rule has).
    function plot.histogram(data, options)
      local series = series_of(type(data) == "table" and { y = data.y or data } or data)
      local values = series[1].y
      local low, high = range(series, "y")
      local wanted = (options or data).bins
      local count = type(wanted) == "number" and floor(wanted) or ceil(log(#values > 0 and #values or 1, 2) + 1)
      count = count < 1 and 1 or count > 500 and 500 or count
      local sums, step = {}, (high - low) / count
      for i = 1, count do sums[i] = 0 end
      for _, value in ipairs(values) do
        local bin = floor((value - low) / step) + 1
        if bin > count then bin = count end
        sums[bin] = sums[bin] + 1
      end
      local _, top = range({ { y = sums } }, "y", true)
      local c = canvas(options or data, low, high, 0, top)
      for i, sum in ipairs(sums) do bars(c, low + (i - 1) * step, sum, step * 0.97, color(1)) end
      return finish(c, "histogram", {})
    end

    return plot
    """#
}
