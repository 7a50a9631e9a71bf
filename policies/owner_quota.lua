-- Nobody starts more kernels than his share, and every kernel has a limit of memory.
--
-- For:     hosts that several people share. Who asks for less than the usual limit gets less, for more is refused.
-- Source:  quotas per owner, as resource quotas of a Kubernetes namespace.
-- Not for: keeping people apart: this counts kernels, it protects nothing.

local quota, usual_memory = 3, 512 << 20
-- Owners with another share.
local quotas = { admin = 20 }

return {
  admit = function(request, fleet)
    local owner = request.owner
    local mine = fleet:where{ owner = owner }
    -- What has no process, and will have none, counts for nothing.
    local running = #mine - #mine:where{ status = "exited" } - #mine:where{ status = "failed" }
    local allowed = quotas[owner] or quota
    local name = owner == "" and "nobody in particular" or owner
    if running >= allowed then return { reject = "quota of " .. allowed .. " reached by " .. name } end
    if (request.memory or 0) > usual_memory then
      return { reject = "at most " .. (usual_memory >> 20) .. " MiB for each kernel of " .. name }
    end
    return { allow = { memory = request.memory or usual_memory } },
      ("number %d of %d of %s"):format(running + 1, allowed, name)
  end,
}
