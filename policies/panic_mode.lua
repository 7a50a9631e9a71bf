-- As many kernels as clients need on average over a minute; in a burst, as many as they need now.
--
-- For:     pools for people who come in bursts: a class begins, a deadline comes. While it panics, nothing shrinks.
-- Source:  the autoscaler of Knative Serving: stable window 60 s, panic window 6 s, panic at twice what the kernels can
--          serve, until a stable window has passed without it.
-- Not for: batch work that may wait; the average alone needs fewer kernels (target_utilisation.lua).

local stable_window, panic_window = 60, 6
-- Panic when this many times the clients are there that the kernels are for.
local threshold = 2
-- Clients of one kernel.
local target = 1

--- The clients on average over a window, those of now included.
local function average(samples, window, clients)
  local sum, count = clients, 1
  for _, sample in ipairs(samples) do
    if sample.at > now() - window then sum, count = sum + sample.clients, count + 1 end
  end
  return sum / count
end

--- The samples of the stable window, and the newest.
local function with(samples, clients)
  local kept = {}
  for _, sample in ipairs(samples) do
    if sample.at > now() - stable_window then kept[#kept + 1] = sample end
  end
  kept[#kept + 1] = { at = now(), clients = clients }
  return kept
end

return {
  scale = function(pool, fleet)
    local state = memory[pool.name] or { samples = {} }
    memory[pool.name] = state
    local clients = fleet:pool(pool.name):sum("clients") + pool.waiting
    local calm = math.ceil(average(state.samples, stable_window, clients) / target)
    local burst = math.ceil(average(state.samples, panic_window, clients) / target)
    state.samples = with(state.samples, clients)
    local ready = math.max(1, pool.kernels - pool.starting)
    if burst / ready >= threshold then
      state.panic_until = now() + stable_window
      state.most = math.max(state.most or 0, burst)
    end
    if state.panic_until and now() < state.panic_until then
      state.most = math.max(state.most, burst, pool.kernels)
      return { wanted = state.most }, ("panic: %d clients for %d kernels"):format(burst * target, ready)
    end
    state.panic_until, state.most = nil, nil
    return { wanted = calm }, ("%d kernels for the average of %d s"):format(calm, stable_window)
  end,
}
