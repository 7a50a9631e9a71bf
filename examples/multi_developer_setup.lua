-- Three people, three providers, one machine; one of them shares a kernel with another.
-- Run it with:  fleet run examples/multi_developer_setup.lua
local fleet = require("fleet")

local people = {
  { name = "alice", config = "openai.toml" },
  { name = "bob", config = "anthropic.toml" },
  { name = "carol", config = "local.toml" },
}

local kernels = {}
for _, person in ipairs(people) do
  local kernel = fleet.spawn { config = person.config, name = person.name, labels = { developer = person.name } }
  kernel:exec(("owner = %q; notes = {}"):format(person.name))
  kernels[person.name] = kernel
  print(("%-6s has %s (%s) on port %d"):format(person.name, kernel.id, kernel.provider, kernel.port))
end

-- Everybody has variables of their own.
for name, kernel in pairs(kernels) do
  assert(kernel:exec("return owner") == name, name .. " sees somebody else's variables")
end
print("the three kernels are isolated from each other")

-- Bob wants what Alice has. He asks for a kernel with her provider; the routing policy gives him hers, and they share it.
local shared = fleet.find { provider = "openai" }
assert(shared.id == kernels.alice.id, "bob should have got alice's kernel")
shared:exec("notes[#notes + 1] = 'bob was here'")
print("alice reads in her notes:", (kernels.alice:exec("return notes[1]")))
