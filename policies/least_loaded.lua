-- The kernel with the fewest clients of those that match, else a new one. The default.
--
-- For:     kernels that are alike and whose clients ask about as much of them.
-- Source:  least connections, as load balancers have it; `fleet:match` also keeps a session on its kernel.
-- Not for: kernels of which some are slow: a slow one with few clients goes on getting more (peak_ewma.lua).

return {
  route = function(request, fleet)
    local kernel = fleet:match(request):least("clients")
    if kernel then return { use = kernel.id }, "fewest clients of " .. kernel.language end
    return { spawn = { config = request.config, language = request.language } }, "nothing matches yet"
  end,
}
