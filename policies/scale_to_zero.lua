-- No kernels for a pool that nobody has used for ten minutes; else one for each that is in use or waited for.
--
-- For:     pools that are needed now and then, and whose users can wait for a start.
-- Source:  scale to zero with a grace period, as Knative Serving has it.
-- Not for: pools with `min` or `warm` above 0: the host keeps those, whatever is wanted here.

-- Seconds without a user.
local grace = 600

return {
  scale = function(pool)
    local last = memory.last_used or {}
    memory.last_used = last
    local needed = pool.used + pool.waiting
    if needed > 0 or not last[pool.name] then last[pool.name] = now() end
    local idle = now() - last[pool.name]
    if needed > 0 then return { wanted = needed }, needed .. " in use or waited for" end
    if idle < grace then
      return { wanted = math.min(pool.kernels, 1) }, ("nobody for %.0f s; the last one stays for %d s"):format(idle, grace)
    end
    return { wanted = 0 }, ("nobody for %.0f s"):format(idle)
  end,
}
