describe("power of two choices", function()
  it("takes the better of two", function()
    local quiet = kernel{ clients = 1 }
    local answer, reason = ask.route({}, fleet{ kernel{ clients = 5 }, quiet })
    expect(answer.use):equals(quiet.id)
    expect(reason):equals("the better of two with 1 clients")
  end)

  it("spreads over the fleet, but never on the worst", function()
    local worst = kernel{ clients = 9 }
    local view, taken = fleet{ worst }, {}
    for clients = 1, 8 do view[#view + 1] = kernel{ clients = clients } end
    for _ = 1, 200 do taken[ask.route({}, view).use] = true end
    local different = 0
    for _ in pairs(taken) do different = different + 1 end
    expect(different):is_at_least(5)
    expect(taken[worst.id]):is_nil()
  end)

  it("does the same with the same seed", function()
    local view, first = fleet{}, {}
    for i = 1, 10 do view[i] = kernel{ clients = i } end
    for i = 1, 20 do first[i] = ask.route({}, view).use end
    seed(1)
    for i = 1, 20 do expect(ask.route({}, view).use):equals(first[i]) end
  end)

  it("starts one where none matches", function()
    expect(ask.route({ language = "python" }, fleet{ kernel{} })):equals{ spawn = { language = "python" } }
  end)
end)
