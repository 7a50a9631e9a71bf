-- The kernel whose next answer should come soonest: the least latency × (clients + 1).
--
-- For:     kernels of which some are slower than others, or become so: a slow answer counts at once, and is forgiven
--          over ten seconds.
-- Source:  Peak EWMA of Twitter's Finagle. In the published experiment with eleven back ends, of which one is slowed
--          to 2 s, 95 % of the requests succeed by round robin, 99 % by least loaded and 99.9 % by this.
-- Not for: executions that differ a lot by themselves: who trains a model makes its kernel look slow.

return {
  route = function(request, fleet)
    local kernel = fleet:match(request):ewma()
    if not kernel then
      return { spawn = { config = request.config, language = request.language } }, "nothing matches yet"
    end
    if not kernel.latency then return { use = kernel.id }, "not measured yet" end
    return { use = kernel.id }, ("answers in %.3f s, %d clients"):format(kernel.latency, kernel.clients)
  end,
}
