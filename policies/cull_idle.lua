-- Kernels that Jupyter's clients started and that nobody uses any more end: two hours after the last cell, and the last
-- client. Pools are left to the next policy in the list.
--
-- For:     hosts whose people close their laptops and not their notebooks.
-- Source:  cull_idle_timeout of Jupyter Server, without its mistakes: a cell that runs for long is activity, its end
--          begins the time, and a tab that was left open for a day is none.
-- Not for: ending kernels with clients unless [gateway] cull_connected in fleet.toml says so: else the host keeps them.

-- Seconds without an execution and without a client; and, with one, without an execution.
local alone, connected = 2 * 3600, 24 * 3600

-- When the kernel last had a client, by its UUID.
local function last_seen(kernel, seen)
  if kernel.clients > 0 or not seen[kernel.uuid] then return now() end
  return seen[kernel.uuid]
end

return {
  scale = function(pool, fleet)
    if pool.name ~= "jupyter" then return nil, "only kernels of Jupyter's clients are culled" end
    local before, seen, retire = memory.seen or {}, {}, {}
    for kernel in fleet:each() do
      if kernel.labels.source == "jupyter" then
        seen[kernel.uuid] = last_seen(kernel, before)
        -- While it runs something, it has no such time, and stays.
        if kernel.idle_since then
          local idle, left = now() - kernel.idle_since, now() - seen[kernel.uuid]
          local is_over = kernel.clients > 0 and idle >= connected or math.min(idle, left) >= alone
          if is_over then retire[#retire + 1] = kernel.id end
        end
      end
    end
    memory.seen = seen
    local reason = #retire == 0 and "nobody has been away for long" or #retire .. " idle for long"
    return { wanted = math.max(0, pool.kernels - #retire), retire = retire }, reason
  end,
}
