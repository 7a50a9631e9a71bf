-- A policy that looks at every kernel by itself, as one would that needs more than the helpers offer.
return {
  route = function(request, fleet)
    local language, best, least = request.language, nil, math.huge
    local kernels = fleet:list()
    for i = 1, #kernels do
      local kernel = kernels[i]
      if kernel.language == language and kernel.clients < least then best, least = kernel, kernel.clients end
    end
    return { use = best.id }, "fewest clients of " .. language
  end,
}
