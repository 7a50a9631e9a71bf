describe("panic mode", function()
  local function python(clients, kernels)
    local view = fleet{}
    for i = 1, kernels do view[i] = kernel{ pool = "python", clients = i <= clients and 1 or 0 } end
    return pool{ name = "python", waiting = math.max(0, clients - kernels) }, view
  end

  it("follows the average of a minute", function()
    for _ = 1, 4 do
      ask.scale(python(2, 4))
      clock.advance(15)
    end
    local answer, reason = ask.scale(python(4, 4))
    expect(answer.wanted):equals(3)
    expect(reason):equals("3 kernels for the average of 60 s")
  end)

  it("panics in a burst, and shrinks a minute after it", function()
    ask.scale(python(2, 2))
    clock.advance(15)
    local answer, reason = ask.scale(python(8, 2))
    expect(answer.wanted):equals(8)
    expect(reason):equals("panic: 8 clients for 2 kernels")
    clock.advance(45)
    expect(ask.scale(python(0, 8)).wanted):equals(8)
    clock.advance(15)
    expect(ask.scale(python(0, 8)).wanted):is_below(8)
    clock.advance("2m")
    expect(ask.scale(python(0, 8)).wanted):equals(0)
  end)

  it("grows further while it panics", function()
    ask.scale(python(4, 2))
    clock.advance(15)
    expect(ask.scale(python(9, 4)).wanted):equals(9)
    clock.advance(15)
    expect(ask.scale(python(20, 9)).wanted):equals(20)
  end)

  it("keeps pools apart", function()
    ask.scale(python(8, 2))
    expect(ask.scale(pool{ name = "other" }, fleet{}).wanted):equals(0)
  end)

  it("counts kernels that do not answer yet as not ready", function()
    local view = fleet{ kernel{ pool = "python", status = "starting" }, kernel{ pool = "python", clients = 1 } }
    local _, reason = ask.scale(pool{ name = "python", waiting = 1 }, view)
    expect(reason):equals("panic: 2 clients for 1 kernels")
  end)

  it("remembers a panic across a reload", function()
    ask.scale(python(8, 2))
    reload()
    clock.advance(30)
    expect(ask.scale(python(0, 8)).wanted):equals(8)
  end)
end)
