describe("quota per owner", function()
  local function owned(count, owner, status)
    local view = fleet{}
    for i = 1, count do view[i] = kernel{ owner = owner, status = status } end
    return view
  end

  it("lets everybody start three", function()
    local answer, reason = ask.admit({ owner = "ann" }, owned(2, "ann"))
    expect(answer):equals{ allow = { memory = 512 << 20 } }
    expect(reason):equals("number 3 of 3 of ann")
    expect(ask.admit({ owner = "ann" }, owned(3, "ann"))):equals{ reject = "quota of 3 reached by ann" }
    expect(ask.admit({ owner = "bob" }, owned(3, "ann")).allow):equals{ memory = 512 << 20 }
  end)

  it("counts what has a process, or will have one", function()
    for _, status in ipairs{ "starting", "busy", "unhealthy", "stopping", "backoff", "unknown" } do
      expect(ask.admit({ owner = "ann" }, owned(3, "ann", status)).reject):equals("quota of 3 reached by ann")
    end
    for _, status in ipairs{ "exited", "failed" } do
      expect(ask.admit({ owner = "ann" }, owned(3, "ann", status)).reject):is_nil()
    end
  end)

  it("knows owners with another share", function()
    expect(ask.admit({ owner = "admin" }, owned(19, "admin")).reject):is_nil()
    expect(ask.admit({ owner = "admin" }, owned(20, "admin")).reject):equals("quota of 20 reached by admin")
  end)

  it("counts kernels without an owner together", function()
    expect(ask.admit({}, owned(3, "")).reject):equals("quota of 3 reached by nobody in particular")
  end)

  it("gives less memory to who asks for less, and refuses more", function()
    expect(ask.admit({ memory = "64M" }).allow.memory):equals(64 << 20)
    expect(ask.admit({ memory = "2G", owner = "ann" }).reject):equals("at most 512 MiB for each kernel of ann")
  end)
end)
