-- Alerts about kernels that take too much, run for too long or crash again and again, and about a host that is full.
--
-- For:     a first set of alerts; change the numbers to what is usual with you.
-- Source:  memory > 1000 MiB, CPU > 80 %, connections > 100, uptime > 24 h; `for` and `keep_firing_for` are those of
--          Prometheus: it is the host that waits for so long.
-- Not for: kernels with limits of their own, which end them before anybody could act.

local mebibyte, hour = 1 << 20, 3600
-- What the memory of all kernels together may be.
local budget = 16384 * mebibyte

--- Adds an alert if a value is known and above its bound.
local function check(found, name, severity, hold, kernel, value, bound, words)
  if not value or value <= bound then return end
  found[#found + 1] = {
    name = name, severity = severity, ["for"] = hold, keep_firing_for = 60, kernel = kernel, value = value,
    summary = words:format(value),
  }
end

--- In MiB, for people.
local function size(bytes) return bytes and bytes / mebibyte end

return {
  alert = function(fleet)
    local found = {}
    for kernel in fleet:each() do
      local name = kernel.name or kernel.id
      local uptime = kernel.ready_at and (now() - kernel.ready_at) / hour
      check(found, "HighMemory", "warning", 60, kernel, size(kernel.memory), 1000, name .. " uses %.0f MiB")
      check(found, "HighCPU", "warning", 300, kernel, kernel.cpu, 80, name .. " uses %.0f %% of a core")
      check(found, "ManyConnections", "warning", 60, kernel, kernel.connections, 100, name .. " has %d connections")
      check(found, "LongUptime", "info", 0, kernel, uptime, 24, name .. " runs for %.0f h")
      check(found, "CrashLoop", "critical", 0, kernel, kernel.crashes, 2, name .. " crashed %d times within a minute")
    end
    check(found, "HostOverBudget", "critical", 60, nil, size(fleet:sum("memory")), size(budget),
      "kernels use %.0f MiB of " .. budget // mebibyte)
    return found, #found .. " conditions"
  end,
}
