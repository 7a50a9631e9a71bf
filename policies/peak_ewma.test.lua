describe("peak EWMA", function()
  it("avoids the slow one, even if it has fewer clients", function()
    local slow, fast = kernel{ clients = 0, latency = 2 }, kernel{ clients = 3, latency = 0.02 }
    local answer, reason = ask.route({}, fleet{ slow, fast })
    expect(answer.use):equals(fast.id)
    expect(reason):equals("answers in 0.020 s, 3 clients")
  end)

  it("takes the slow one when the fast one has too many clients", function()
    local slow, fast = kernel{ clients = 0, latency = 0.1 }, kernel{ clients = 9, latency = 0.02 }
    expect(ask.route({}, fleet{ slow, fast }).use):equals(slow.id)
  end)

  it("tries a kernel that was not measured yet", function()
    local new = kernel{}
    local answer, reason = ask.route({}, fleet{ kernel{ latency = 0.01 }, new })
    expect(answer.use):equals(new.id)
    expect(reason):equals("not measured yet")
  end)

  it("starts one where none matches", function()
    expect(ask.route({ config = "openai.toml" }, fleet{ kernel{} })):equals{ spawn = { config = "openai.toml" } }
  end)
end)
