// `llm` as scripts see it. What talks to servers is in Models/.

enum ModelModule {
  /// A chunk that is called with the prelude's table and returns a table of functions.
  static let source = #"""
    local F = ...
    local start, next_piece, encode = F.model_start, F.model_next, F.json
    local type, pairs, ipairs, tostring, setmetatable = type, pairs, ipairs, tostring, setmetatable
    local pcall, sort, out = pcall, table.sort, io.stdout
    local llm, STEPS = {}, 8

    local function fail(message) F.fail("llm: " .. message) end

    -- Replies ----------------------------------------------------------------------------------------------------

    local Reply = { __name = "reply" }
    Reply.__index = Reply
    function Reply.__tostring(reply) return reply.text end
    function Reply.__jupyter(reply)
      return { ["text/plain"] = reply.text, ["text/markdown"] = reply.json == nil and reply.text or nil }
    end
    -- What was already shown as it came is not shown again.
    local Shown = { __name = "reply", __jupyter = false, __tostring = Reply.__tostring }

    -- Options ----------------------------------------------------------------------------------------------------

    local own = { prompt = true, system = true, stream = true, tools = true, max_steps = true }

    local function messages_of(options)
      local messages = {}
      if options.system then messages[1] = { role = "system", content = tostring(options.system) } end
      if options.messages ~= nil and type(options.messages) ~= "table" then
        fail("messages must be a list, not a " .. type(options.messages))
      end
      for _, message in ipairs(options.messages or {}) do
        if type(message) == "string" then message = { role = "user", content = message } end
        messages[#messages + 1] = message
      end
      if options.prompt then messages[#messages + 1] = { role = "user", content = tostring(options.prompt) } end
      return messages
    end

    --- The tools as the request carries them, and the functions that they stand for.
    local function tools_of(options)
      local list, functions = {}, {}
      for key, tool in pairs(options.tools or {}) do
        if type(tool) ~= "table" then fail("a tool is a table with description, parameters and run") end
        local name = type(key) == "string" and key or tool.name
        if type(name) ~= "string" then fail("a tool needs a name") end
        if tool.run ~= nil and type(tool.run) ~= "function" then fail("run of the tool " .. name .. " is no function") end
        list[#list + 1] = { name = name, description = tool.description, parameters = tool.parameters }
        functions[name] = tool.run or false
      end
      sort(list, function(a, b) return a.name < b.name end)
      return list, functions
    end

    --- A conversation that has not begun.
    local function talk_of(options)
      if type(options) == "string" then options = { prompt = options } end
      if type(options) ~= "table" then fail("expected a table of options, not a " .. type(options)) end
      local request = {}
      for name, value in pairs(options) do
        if not own[name] then request[name] = value end
      end
      request.messages = messages_of(options)
      local functions
      request.tools, functions = tools_of(options)
      local steps = options.max_steps or STEPS
      if math.type(steps) ~= "integer" or steps < 1 then fail("max_steps must be a whole number from 1") end
      return { request = request, functions = functions, steps = steps, usage = { input = 0, output = 0 } }
    end

    -- Calls ------------------------------------------------------------------------------------------------------

    --- What a tool answers, as a message.
    local function run(call, functions)
      local message = { role = "tool", tool_call_id = call.id, content = "" }
      local tool = functions[call.name]
      if not call.arguments then
        message.content, message.is_error = "the arguments are no JSON object: " .. call.raw, true
      elseif not tool then
        message.content, message.is_error = "there is no tool " .. call.name, true
      else
        local done, value = pcall(tool, call.arguments)
        if type(value) == "string" then
          message.content = value
        elseif done and value == nil then
          message.content = "null"
        else
          local text, problem = encode(value)
          message.content = text or (done and problem or tostring(value))
          if not text and done then fail("the tool " .. call.name .. " returned what has no form in JSON: " .. problem) end
        end
        if not done then message.is_error = true end
      end
      return message
    end

    --- Whether all tools that a reply calls can be run here.
    local function can_run(reply, functions)
      for _, call in ipairs(reply.tool_calls) do
        if functions[call.name] == false then return false end
      end
      return #reply.tool_calls > 0
    end

    --- What follows a whole reply: the end, or another request with what the tools said.
    local function follow(talk, reply)
      talk.id = nil
      local usage, messages = talk.usage, talk.request.messages
      usage.input, usage.output = usage.input + reply.usage.input, usage.output + reply.usage.output
      reply.usage, reply.messages = usage, messages
      messages[#messages + 1] = {
        role = "assistant", content = reply.text, tool_calls = #reply.tool_calls > 0 and reply.tool_calls or nil,
      }
      if not can_run(reply, talk.functions) then
        talk.reply = reply
        return
      end
      for _, call in ipairs(reply.tool_calls) do messages[#messages + 1] = run(call, talk.functions) end
    end

    --- The next piece of what the model says, or nil when there is a reply. Runs the tools that it calls in between.
    local function advance(talk)
      while not talk.reply do
        if not talk.id then
          if talk.steps == 0 then fail("the model calls tools again and again; allow more answers by max_steps") end
          talk.steps = talk.steps - 1
          local id, problem = start(talk.request)
          if not id then fail(problem) end
          talk.id = id
        end
        local piece, reply = next_piece(talk.id)
        if piece then return piece end
        if piece == nil then fail(reply) end
        follow(talk, reply)
      end
    end

    local function emitter(stream)
      if stream == true then return function(piece) out:write(piece) end end
      if type(stream) == "function" then return stream end
      if stream then fail("stream is true or a function, not a " .. type(stream)) end
      return function() end
    end

    --- Asks a model: llm.chat{messages = {…}, tools = {…}, stream = true}. Returns a reply with text, usage,
    --- finish_reason, tool_calls, json and the messages up to it.
    function llm.chat(options)
      local talk = talk_of(options)
      local stream = type(options) == "table" and options.stream
      local emit = emitter(stream)
      talk.request.stream = stream and true or nil
      for piece in advance, talk do emit(piece) end
      if stream == true then out:write("\n") end
      return setmetatable(talk.reply, stream == true and Shown or Reply)
    end

    --- The answer to one prompt: llm.complete{prompt = "…"}, or llm.complete("…").
    function llm.complete(options)
      if type(options) == "table" and not options.prompt then fail("complete needs a prompt") end
      return llm.chat(options)
    end

    --- An iterator over the pieces of an answer; once it is over, its field reply has the whole.
    function llm.stream(options)
      local talk = talk_of(options)
      talk.request.stream = true
      return setmetatable({}, {
        __name = "stream",
        __call = function(stream)
          local piece = advance(talk)
          if not piece then stream.reply = setmetatable(talk.reply, Reply) end
          return piece
        end,
      })
    end

    return llm
    """#
}
