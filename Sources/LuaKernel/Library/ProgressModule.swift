// A progress bar that updates in place.

enum ProgressModule {
  /// A chunk that is called with the prelude's table and returns a table of functions.
  static let source = #"""
    local F = ...
    local rich, progress = F.part("rich"), {}
    local type, format, floor, setmetatable, error = type, string.format, math.floor, setmetatable, error
    local INTERVAL, WIDTH = 0.1, 24 -- seconds between updates; characters of the bar as text

    local Bar = { __name = "progress", __jupyter = false }
    Bar.__index = Bar

    local function draw(bar)
      local share = bar.total > 0 and bar.value / bar.total or 1
      if share > 1 then share = 1 elseif not (share >= 0) then share = 0 end
      local elapsed = F.now() - bar.begun
      local note = format("%s/%s  %.1f s", bar.value, bar.total, elapsed)
      local label = bar.label and bar.label .. " " or ""
      local done = floor(share * WIDTH + 0.5)
      rich.send({
        text = format("%s[%s%s] %3d%%  %s", label, ("#"):rep(done), ("."):rep(WIDTH - done), floor(share * 100), note),
        html = format('<div>%s<progress value="%.4f" max="1" style="width:20em"></progress> %d%% '
          .. '<small>%s</small></div>', rich.escape(label), share, floor(share * 100), note),
        id = bar.id, update = bar.shown,
      })
      bar.shown, bar.drawn = true, F.now()
    end

    --- Sets how much is done; `label` may change too.
    function Bar:set(value, label)
      if type(value) ~= "number" then error("progress: the value must be a number, not " .. type(value), 2) end
      self.value, self.label = value, label or self.label
      if value >= self.total or F.now() - self.drawn >= INTERVAL then draw(self) end
    end

    function Bar:step(count) self:set(self.value + (count or 1)) end

    --- Shows the end, also when less was done.
    function Bar:finish(label)
      self.label = label or self.label
      draw(self)
    end

    local count = 0
    local function new(total, label)
      count = count + 1
      local bar = { total = total, value = 0, label = label, begun = F.now(), id = "progress-" .. count .. "-" .. F.now() }
      draw(setmetatable(bar, Bar))
      return bar
    end

    --- As a loop's iterator: gives 1…n, or the indices and values of a list.
    function Bar:__call(_, index)
      index = (index or 0) + 1
      if index > 1 then self:set(index - 1) end
      if index > self.total then return nil end
      return index, self.list and self.list[index]
    end

    --- progress(100, "label") is a bar for 100 steps; `for i in progress(100) do` and `for i, v in progress(list) do`
    --- step it.
    function progress.start(what, label)
      if type(what) == "number" then return new(what, label) end
      if type(what) ~= "table" then error("progress: expected a number of steps or a list, not " .. type(what), 2) end
      local bar = new(#what, label)
      bar.list = what
      return bar
    end

    return progress
    """#
}
