-- Crashed kernels are started again with more patience than the host has, but not if they ran out of memory.
--
-- For:     kernels that depend on something that comes and goes, such as a model server: 1 s, doubling to five minutes,
--          given up at the tenth crash without an hour of life between them.
-- Source:  exponential backoff, as Kubernetes' CrashLoopBackOff has it (10 s to 5 min, forgotten after 10 min).
-- Not for: kernels that somebody waits for: the host's own rule gives up within a minute, and says so.

local first, longest, most = 1, 300, 10
local long_life = 3600

-- Crashes without a long life between them, by kernel.
local crashes = memory.map("crashes", 10000)

return {
  restart = function(kernel, exit)
    if exit.out_of_memory then return { give_up = "out of memory: start it with a larger limit" } end
    local count = (exit.uptime or 0) >= long_life and 1 or (crashes:get(kernel.uuid) or 0) + 1
    crashes:set(kernel.uuid, count)
    if count >= most then return { give_up = "crashed " .. count .. " times: " .. exit.reason } end
    return { after = math.min(first * 2 ^ (count - 1), longest) }, ("crash %d of %d"):format(count, most)
  end,
}
