describe("least loaded", function()
  it("takes the kernel with the fewest clients", function()
    local quiet = kernel{ clients = 1 }
    local answer, reason = ask.route({ language = "lua" }, fleet{ kernel{ clients = 2 }, quiet })
    expect(answer.use):equals(quiet.id)
    expect(reason):equals("fewest clients of lua")
  end)

  it("takes the oldest of equals", function()
    local oldest = kernel{ clients = 1 }
    expect(ask.route({}, fleet{ oldest, kernel{ clients = 1 } }).use):equals(oldest.id)
  end)

  it("takes none that does not fit, or does not answer", function()
    local view = fleet{
      kernel{ language = "python" }, kernel{ status = "unhealthy" }, kernel{ status = "stopping" },
      kernel{ memory_limit = "64M" },
    }
    local answer, reason = ask.route({ language = "lua", config = "openai.toml", memory = "1G" }, view)
    expect(answer):equals{ spawn = { language = "lua", config = "openai.toml" } }
    expect(reason):equals("nothing matches yet")
  end)

  it("keeps a session on its kernel", function()
    local busy = kernel{ clients = 9, sessions = { "mine" } }
    expect(ask.route({ session = "mine" }, fleet{ kernel{}, busy }).use):equals(busy.id)
  end)
end)
