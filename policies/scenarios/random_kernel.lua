-- Any kernel that matches.
return {
  route = function(request, fleet)
    local kernel = fleet:match(request):random()
    if kernel then return { use = kernel.id }, "chance" end
    return { spawn = {} }, "nothing matches yet"
  end,
}
