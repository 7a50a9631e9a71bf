-- As many kernels as keep their average use of the CPU at a target.
--
-- For:     pools whose kernels compute: wanted = ceil(kernels × average / target).
-- Source:  the formula of the Kubernetes Horizontal Pod Autoscaler, with its care about missing samples. Tolerance,
--          windows, steps and bounds are the host's ([pools.NAME] of fleet.toml).
-- Not for: kernels that wait for people: they need a kernel each, however little it computes (panic_mode.lua).

-- Per cent of one core.
local target = 60

return {
  scale = function(pool, fleet)
    local wanted, average = fleet:desired(pool, "cpu", target)
    if not average then return nil, "no kernel of " .. pool.name .. " was measured yet" end
    return { wanted = wanted }, ("%.0f %% of the CPU on average, %d %% is the target"):format(average, target)
  end,
}
