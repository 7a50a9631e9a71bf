-- The same session, or else owner, finds the same kernel again, unless that one has too much to do.
--
-- For:     kernels that are warm for whoever was there before: caches, imported modules, loaded data. When a kernel
--          comes or goes, only its share of the keys moves.
-- Source:  V. Mirrokni, M. Thorup, M. Zadimoghaddam, Consistent Hashing with Bounded Loads, 2018.
-- Not for: state that must not be lost: a key moves when its kernel is full (sticky.lua).

-- No kernel gets more clients than this times the average.
local load = 1.25

return {
  route = function(request, fleet)
    local key = request.session or request.owner
    if not key then return nil, "neither a session nor an owner to go by" end
    local kernel = fleet:match(request):ring(key, { load = load })
    if kernel then return { use = kernel.id }, "the place of " .. key end
    return { spawn = { config = request.config, language = request.language } }, "nothing matches yet"
  end,
}
