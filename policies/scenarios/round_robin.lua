-- Each kernel in its turn, whatever it has to do. For comparisons: it is what the others are better than.
return {
  route = function(request, fleet)
    local kernels = fleet:match(request):list()
    if #kernels == 0 then return { spawn = {} }, "nothing matches yet" end
    memory.turn = (memory.turn or 0) % #kernels + 1
    return { use = kernels[memory.turn].id }, "number " .. memory.turn .. " in turn"
  end,
}
