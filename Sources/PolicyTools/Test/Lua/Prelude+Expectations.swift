// `assert` and `expect` of Lua fixtures.

extension FixturePrelude {
  /// The rewritten source (see `LuaAssertions`) calls `__site` for each of its assertions.
  static let expectations = #"""
    local function variables(site)
      local shown = {}
      for i = 1, host.value_count(site.number) do
        local ok, result = pcall(site.getter, i)
        shown[i] = ok and show(result) or "?"
      end
      return shown
    end

    -- `level`: of the fixture, seen from the caller.
    local function refuse(level, site, result, message)
      if message ~= nil and type(message) ~= "string" then error(message, 0) end
      fail(level + 1, {
        message = message or "the assertion is " .. show(result),
        expression = site and site.number, values = site and variables(site),
      })
    end

    function assert(...)
      local result, message = ...
      if not result then refuse(1, nil, result, message) end
      return ...
    end

    local function has(actual, part)
      if type(actual) == "string" then return type(part) == "string" and actual:find(part, 1, true) ~= nil end
      if type(actual) ~= "table" then return false end
      for _, element in ipairs(actual) do
        if same(element, part) then return true end
      end
      if type(part) ~= "table" or same(part, {}) then return false end
      for key, value in pairs(part) do
        if not same(actual[key], value) then return false end
      end
      return true
    end

    local function compare(name, check)
      return function(actual, bound)
        if type(actual) ~= "number" then return false, "to be a number " .. name .. " " .. show(bound) end
        return check(actual, bound), "to be " .. name .. " " .. show(bound)
      end
    end

    -- Each takes the value and the arguments; returns whether it holds, what was expected in words, and, where a
    -- comparison helps, the expected and the actual value.
    local matchers = {
      equals = function(actual, expected)
        local are_tables = type(actual) == "table" and type(expected) == "table"
        return same(actual, expected), "to equal " .. brief(expected), show(expected, are_tables), show(actual, are_tables)
      end,
      is_nil = function(actual) return actual == nil, "to be nil" end,
      is_true = function(actual) return actual == true, "to be true" end,
      is_false = function(actual) return actual == false, "to be false" end,
      contains = function(actual, part) return has(actual, part), "to contain " .. brief(part) end,
      matches = function(actual, pattern)
        return type(actual) == "string" and actual:find(pattern) ~= nil, "to match the pattern " .. show(pattern)
      end,
      is_close = function(actual, expected, tolerance)
        tolerance = tolerance or 1e-9
        local is_number = type(actual) == "number"
        return is_number and math.abs(actual - expected) <= tolerance,
          "to be within " .. show(tolerance) .. " of " .. show(expected)
      end,
      is_above = compare("above", function(a, b) return a > b end),
      is_below = compare("below", function(a, b) return a < b end),
      is_at_least = compare("at least", function(a, b) return a >= b end),
      is_at_most = compare("at most", function(a, b) return a <= b end),
      is_one_of = function(actual, list)
        for _, element in ipairs(list) do
          if same(actual, element) then return true, "not to be one of " .. show(list) end
        end
        return false, "to be one of " .. show(list)
      end,
      has_length = function(actual, length)
        local is_long = type(actual) == "table" or type(actual) == "string"
        return is_long and #actual == length, "to have length " .. show(length)
      end,
      fails = function(actual, pattern)
        local ok, failure = pcall(actual)
        if ok then return false, "to fail" end
        local message = type(failure) == "table" and failure.message or tostring(failure)
        if not pattern then return true, "to fail" end
        return message:find(pattern) ~= nil, "to fail with a message that matches " .. show(pattern), pattern, message
      end,
    }

    local names = {}
    for name in pairs(matchers) do names[#names + 1] = name end
    names[#names + 1] = "never"

    -- What an expectation knows stands under a key that no name can be, because names are looked up as matchers.
    local expectation, known = {}, {}

    local function hold(self, name, ...)
      local ok, words, expected, actual = matchers[name](self.value, ...)
      local is_never = self.is_never
      self.is_never = false
      if ok ~= is_never then return end
      if is_never then words, expected, actual = "never " .. words, nil, nil end
      fail(2, {
        message = "expected " .. brief(self.value) .. " " .. words, expected = expected, actual = actual,
        expression = self.site and self.site.number, values = self.site and variables(self.site),
      })
    end

    expectation.__index = function(_, name)
      if name == "never" then
        return function(me)
          me[known].is_never = true
          return me
        end
      end
      if not matchers[name] then fail(1, host.unknown_matcher(name, names)) end
      return function(me, ...)
        hold(me[known], name, ...)
        return me
      end
    end

    function expect(value)
      return setmetatable({ [known] = { value = value, is_never = false } }, expectation)
    end

    local plain_expect, plain_assert = expect, assert

    function __site(number, getter, target)
      local site = { number = number, getter = getter }
      if target == plain_expect then
        return function(value)
          return setmetatable({ [known] = { value = value, is_never = false, site = site } }, expectation)
        end
      elseif target == plain_assert then
        return function(...)
          local result, message = ...
          if not result then refuse(1, site, result, message) end
          return ...
        end
      end
      return target
    end
    """#

  /// Kernels, fleets, pools, the clock, and asking.
  static let builders = #"""
    local serial, kernels = 0, {}
    local time, seed_base, asked = 0, 1, 0

    function begin()
      serial, kernels = 0, {}
      time, seed_base, asked = 0, 1, 0
      host.begin()
    end

    local function checked(level, problem, ...)
      if problem then fail(level + 1, problem) end
      return ...
    end

    local function fields(what, value)
      if value == nil then return {} end
      if type(value) ~= "table" then fail(2, what .. " takes a table: " .. what .. "{ … }") end
      return value
    end

    function kernel(given)
      local made = {}
      for key, value in pairs(fields("kernel", given)) do made[key] = value end
      serial = serial + 1
      if made.serial == nil then made.serial = serial end
      local problem, identity = host.check_kernel(made)
      checked(1, problem)
      made.id, made.uuid = identity.id, identity.uuid
      kernels[made] = true
      return made
    end

    function fleet(given)
      local list = {}
      for i, member in ipairs(fields("fleet", given)) do
        if not kernels[member] then fail(1, "member " .. i .. " of the fleet was not made by kernel{…} in this test") end
        list[i] = member
      end
      return list
    end

    function pool(given)
      local made = {}
      for key, value in pairs(fields("pool", given)) do made[key] = value end
      return made
    end

    clock = {
      now = function() return time end,
      set = function(seconds)
        local problem, value = host.seconds(seconds)
        checked(1, problem)
        if value < time then fail(1, "the clock stands at " .. show(time) .. " s and never goes back") end
        time = value
      end,
      advance = function(seconds)
        local problem, value = host.seconds(seconds)
        checked(1, problem)
        if value < 0 then fail(1, "the clock never goes back") end
        time = time + value
      end,
    }

    function seed(number)
      if math.type(number) ~= "integer" then fail(1, "seed takes a whole number") end
      seed_base, asked = number, 0
    end

    -- Every question has a seed of its own, as in a host.
    local function put(entry, view, ...)
      if view ~= nil and type(view) ~= "table" then fail(2, "the fleet must be made by fleet{…}") end
      local question = asked
      asked = asked + 1
      local problem, answer, reason = host.ask(entry, view or {}, time, seed_base + question, ...)
      checked(2, problem)
      return answer, reason
    end

    local function subject(what, value)
      if value ~= nil and type(value) ~= "table" then fail(2, what .. " must be a table") end
      return value or {}
    end

    ask = {
      admit = function(request, view)
        local answer, reason = put("admit", view, subject("the request", request))
        return answer, reason
      end,
      route = function(request, view)
        local answer, reason = put("route", view, subject("the request", request))
        return answer, reason
      end,
      scale = function(members, view)
        local answer, reason = put("scale", view, subject("the pool", members))
        return answer, reason
      end,
      alert = function(view)
        local answer, reason = put("alert", view)
        return answer, reason
      end,
      restart = function(member, exit, view)
        if not kernels[member] then fail(1, "ask.restart takes the kernel that ended, made by kernel{…}") end
        local answer, reason = put("restart", view or { member }, member, subject("the exit", exit))
        return answer, reason
      end,
    }

    function reload()
      local problem = host.reload()
      checked(1, problem)
    end

    return { list = list, run = run }
    """#
}
