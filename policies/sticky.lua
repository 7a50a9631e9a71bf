-- A session keeps its kernel for as long as that one lives, however busy it is.
--
-- For:     sessions whose state is in the kernel: variables, open files. A session that has lost its kernel gets
--          another, and the reason says so.
-- Source:  session affinity, as load balancers have it by cookie; the host remembers the sessions of each kernel.
-- Not for: requests without a session, about which this has no opinion: put another policy behind it.

-- Where sessions were seen last. The oldest are forgotten.
local places = memory.map("places", 100000)

local function has(kernel, session)
  for _, other in ipairs(kernel.sessions) do
    if other == session then return true end
  end
  return false
end

return {
  route = function(request, fleet)
    local session = request.session
    if not session then return nil, "no session" end
    local former = places:get(session)
    -- The one that has the session, if it matches.
    local kernel = fleet:match(request):least("clients")
    if not kernel then
      return { spawn = { config = request.config, language = request.language } }, "a kernel for session " .. session
    end
    places:set(session, kernel.id)
    if has(kernel, session) then return { use = kernel.id }, "the kernel of session " .. session end
    if not former then return { use = kernel.id }, "a new session" end
    return { use = kernel.id }, "session " .. session .. " moves: " .. former .. " does not serve it any more"
  end,
}
