-- Two kernels for two providers: each is a process of its own with a state of its own.
-- Run it with:  fleet run examples/multi_kernel_setup.lua
local fleet = require("fleet")

local openai = fleet.spawn { config = "openai.toml" }
local anthropic = fleet.spawn { config = "anthropic.toml" }

-- The same code in both.
for _, kernel in ipairs { openai, anthropic } do
  kernel:exec("model = config.llm.model")
  print(kernel.id, "talks to", (kernel:exec("return model")))
end

-- What one of them does, the other does not see.
openai:exec("secret = 'only here'")
local there, elsewhere = openai:exec("return secret"), anthropic:exec("return secret")
print("openai's secret:", there)
print("anthropic's secret:", elsewhere)
assert(there == "only here" and elsewhere == "nil", "the kernels are not isolated")
print("the kernels are isolated")

openai:stop()
anthropic:stop()
