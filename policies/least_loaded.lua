-- The default policy: the kernel with the fewest clients of those that match, else a new one.
--
-- `request` has what the client asked for, nil where it does not care: language, kernelspec, config, provider, model,
-- memory, labels, owner, session. `fleet:match(request)` are the kernels that can serve it; one that the client's session
-- already has is then the only one. Both are read-only. The answer is one of
--   { use = kernel.id }   { spawn = { config = …, language = … } }   { wait = seconds }   { reject = "why" }
-- and a reason, which `fleet find` shows; nil and a reason leave the decision to the next policy.
return {
  route = function(request, fleet)
    local kernel = fleet:match(request):least("clients")
    if kernel then return { use = kernel.id }, "fewest clients of " .. kernel.language end
    return { spawn = { config = request.config, language = request.language } }, "nothing matches yet"
  end,
}
