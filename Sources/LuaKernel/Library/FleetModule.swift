// `require("fleet")` as scripts see it. The callbacks return a value, or nil and what went wrong.

enum FleetModule {
  /// A chunk that is called with the callbacks `host` and `exec` in the global `__fleet`, and fills `package.preload`.
  static let source = #"""
    local host, exec = __fleet.host, __fleet.exec
    __fleet = nil
    package.preload.fleet = function()
      local fleet, Kernel = {}, { __name = "kernel" }
      Kernel.__index = Kernel

      function Kernel.__tostring(kernel)
        return "kernel " .. tostring(kernel.id) .. (kernel.name and " (" .. kernel.name .. ")" or "")
      end

      --- Raises an error at the place in the script that called us; a tail call may have hidden it.
      local function fail(message)
        for level = 3, 8 do
          local info = debug.getinfo(level, "Sl")
          if not info then break end
          if info.currentline > 0 and info.short_src ~= "fleet" then error(message, level) end
        end
        error(message, 0)
      end

      local function call(...)
        local result, problem = host(...)
        if problem then fail("fleet." .. (...) .. ": " .. problem) end
        return result
      end

      local function key(kernel)
        if type(kernel) == "table" then kernel = kernel.id end
        if type(kernel) == "number" then kernel = tostring(math.tointeger(kernel) or kernel) end
        if type(kernel) ~= "string" then fail("a kernel is named by its object, id, name or port") end
        return kernel
      end

      local renamed = { memory = "memory_limit", cpu = "cpu_limit", env = "env_vars" }
      local function request(options)
        if type(options) == "string" then return { config = options } end
        local result = {}
        for name, value in pairs(options or {}) do result[renamed[name] or name] = value end
        return result
      end

      --- Starts a kernel: fleet.spawn{config = "openai.toml", name = "alice"}.
      function fleet.spawn(options)
        return setmetatable(call("spawn", request(options)), Kernel)
      end

      --- A kernel that fits, or a new one, as the routing policy decides; and the decision.
      function fleet.find(options)
        local found = call("find", request(options))
        return setmetatable(found.kernel, Kernel), found.decision
      end

      function fleet.list()
        local kernels = call("list")
        for _, kernel in ipairs(kernels) do setmetatable(kernel, Kernel) end
        return kernels
      end

      function fleet.get(kernel) return setmetatable(call("get", key(kernel)), Kernel) end
      function fleet.stop(kernel) call("stop", key(kernel)) end
      function fleet.metrics() return call("metrics") end

      --- Runs code there. Returns what a terminal would show, and a table with result, stdout, stderr and count.
      function Kernel:exec(code)
        local answer, problem = exec(self.id, self.connection_file, code)
        if problem then fail(tostring(self) .. ": " .. problem) end
        if answer.error then fail(tostring(self) .. ": " .. answer.error) end
        return answer.text, answer
      end

      function Kernel:stop() call("stop", self.id) end
      function Kernel:interrupt() call("interrupt", self.id) end

      local function refresh(self, document)
        for name in pairs(self) do self[name] = nil end
        for name, value in pairs(document) do self[name] = value end
        return self
      end
      function Kernel:restart() return refresh(self, call("restart", self.id)) end
      function Kernel:refresh() return refresh(self, call("get", self.id)) end

      return fleet
    end
    """#
}
