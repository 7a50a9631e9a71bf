describe("culling of idle kernels", function()
  before_each(function() clock.set("100h") end)

  -- A kernel that runs nothing since `idle` seconds.
  local function jupyter(idle, more)
    local fields = { serial = 1, labels = { source = "jupyter" }, idle_since = idle and clock.now() - idle }
    for name, value in pairs(more or {}) do fields[name] = value end
    return kernel(fields)
  end

  local function cull(...) return ask.scale(pool{ name = "jupyter" }, fleet{ ... }) end

  it("ends a kernel two hours after its last cell and its last client", function()
    expect(#cull(jupyter(3 * 3600, { clients = 1 })).retire):equals(0)
    clock.advance("119m")
    expect(#cull(jupyter(3 * 3600)).retire):equals(0)
    clock.advance("1m")
    local answer, reason = cull(jupyter(3 * 3600))
    expect(#answer.retire):equals(1)
    expect(reason):equals("1 idle for long")
  end)

  it("gives whoever closes a tab for a moment his time again", function()
    cull(jupyter(9 * 3600, { clients = 1 }))
    clock.advance("1m")
    expect(#cull(jupyter(9 * 3600)).retire):equals(0)
  end)

  it("counts a long cell as activity, and the time from its end", function()
    cull(jupyter(nil, { status = "busy" }))
    clock.advance("10h")
    expect(#cull(jupyter(nil, { status = "busy" })).retire):equals(0)
    clock.advance("1m")
    expect(#cull(jupyter(60)).retire):equals(0)
  end)

  it("asks for kernels whose clients have done nothing for a day", function()
    expect(#cull(jupyter(23 * 3600, { clients = 1 })).retire):equals(0)
    expect(#cull(jupyter(24 * 3600, { clients = 1 })).retire):equals(1)
  end)

  it("remembers clients across a reload", function()
    cull(jupyter(9 * 3600, { clients = 1 }))
    reload()
    clock.advance("1h")
    expect(#cull(jupyter(9 * 3600)).retire):equals(0)
  end)

  it("leaves other kernels and pools alone", function()
    expect(#cull(kernel{ idle_since = clock.now() - 90000 }).retire):equals(0)
    expect(ask.scale(pool{ name = "python" }, fleet{ jupyter(90000) })):equals(nil)
  end)
end)
