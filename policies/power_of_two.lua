-- Of two matching kernels at random the one with fewer clients.
--
-- For:     many askers at once whose picture of the fleet is late: least_loaded.lua sends all of them to the kernel that
--          was the emptiest a moment ago, this one does not.
-- Source:  M. Mitzenmacher, The Power of Two Choices in Randomized Load Balancing, 2001.
-- Not for: few kernels and exact counts; then least_loaded.lua spreads clients more evenly.

return {
  route = function(request, fleet)
    local kernel = fleet:match(request):two_choices("clients")
    if kernel then return { use = kernel.id }, "the better of two with " .. kernel.clients .. " clients" end
    return { spawn = { config = request.config, language = request.language } }, "nothing matches yet"
  end,
}
