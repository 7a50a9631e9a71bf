describe("sticky sessions", function()
  local mine, other

  before_each(function()
    mine, other = kernel{ clients = 9, sessions = { "s0", "s1" } }, kernel{}
  end)

  it("keeps a session on its kernel, however busy", function()
    local answer, reason = ask.route({ session = "s1" }, fleet{ mine, other })
    expect(answer.use):equals(mine.id)
    expect(reason):equals("the kernel of session s1")
  end)

  it("puts a new session where the fewest clients are", function()
    local answer, reason = ask.route({ session = "new" }, fleet{ mine, other })
    expect(answer.use):equals(other.id)
    expect(reason):equals("a new session")
  end)

  it("says so when a session has lost its kernel", function()
    ask.route({ session = "s1" }, fleet{ mine, other })
    local answer, reason = ask.route({ session = "s1" }, fleet{ other })
    expect(answer.use):equals(other.id)
    expect(reason):equals("session s1 moves: " .. mine.id .. " does not serve it any more")
  end)

  it("remembers across a reload", function()
    ask.route({ session = "s1" }, fleet{ mine, other })
    reload()
    local _, reason = ask.route({ session = "s1" }, fleet{ other })
    expect(reason):contains("moves")
  end)

  it("starts a kernel where there is none", function()
    local answer, reason = ask.route({ session = "s1", language = "python" }, fleet{ mine })
    expect(answer.spawn.language):equals("python")
    expect(reason):equals("a kernel for session s1")
  end)

  it("has no opinion without a session", function()
    local answer, reason = ask.route({}, fleet{ mine })
    expect(answer):is_nil()
    expect(reason):equals("no session")
  end)
end)
