describe("consistent hashing with bounded loads", function()
  local view

  before_each(function()
    view = fleet{}
    for i = 1, 10 do view[i] = kernel{ clients = 10 } end
  end)

  local function places()
    local found = {}
    for i = 1, 100 do found[i] = ask.route({ session = "s" .. i }, view).use end
    return found
  end

  it("finds the same kernel again", function()
    expect(places()):equals(places())
    expect(ask.route({ owner = "ann" }, view).use):equals(ask.route({ owner = "ann" }, view).use)
  end)

  it("moves only the keys of a kernel that is gone", function()
    local before = places()
    local gone = table.remove(view, 4)
    local after = places()
    for i = 1, 100 do
      if before[i] ~= gone.id then expect(after[i]):equals(before[i]) end
    end
    expect(before):contains(gone.id)
    expect(after):never():contains(gone.id)
  end)

  it("spreads keys over all kernels", function()
    local found = places()
    for _, member in ipairs(view) do expect(found):contains(member.id) end
  end)

  it("goes on to another kernel when one has more than 1.25 of the average", function()
    local answer, reason = ask.route({ session = "s1" }, view)
    expect(reason):equals("the place of s1")
    for _, member in ipairs(view) do
      if member.id == answer.use then member.clients = 40 end
    end
    expect(ask.route({ session = "s1" }, view).use):never():equals(answer.use)
  end)

  it("has no opinion without a key", function()
    local answer, reason = ask.route({}, view)
    expect(answer):is_nil()
    expect(reason):equals("neither a session nor an owner to go by")
  end)

  it("starts one where none matches", function()
    local answer = ask.route({ session = "s1", language = "python" }, view)
    expect(answer):equals{ spawn = { language = "python" } }
  end)
end)
