describe("patient restart", function()
  local mine

  before_each(function() mine = kernel{ status = "backoff" } end)

  it("waits twice as long after each crash, up to five minutes", function()
    local waits = {}
    for i = 1, 9 do
      local answer, reason = ask.restart(mine, { code = 1 })
      waits[i] = answer.after
      expect(reason):equals("crash " .. i .. " of 10")
    end
    expect(waits):equals{ 1, 2, 4, 8, 16, 32, 64, 128, 256 }
    expect(ask.restart(mine, { code = 1 })):equals{ give_up = "crashed 10 times: exited with code 1" }
  end)

  it("begins anew after an hour of life", function()
    for _ = 1, 5 do ask.restart(mine, { code = 1, uptime = 3599 }) end
    expect(ask.restart(mine, { code = 1, uptime = "1h" }).after):equals(1)
  end)

  it("counts each kernel by itself, and across a reload", function()
    ask.restart(mine, { code = 1 })
    reload()
    expect(ask.restart(mine, { code = 1 }).after):equals(2)
    expect(ask.restart(kernel{}, { signal = 9 }).after):equals(1)
  end)

  it("gives up at once on one that ran out of memory", function()
    expect(ask.restart(mine, { signal = 9, out_of_memory = true }).give_up):contains("larger limit")
  end)
end)
