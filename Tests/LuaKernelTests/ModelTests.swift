// `llm` with a server that speaks both APIs.
import JSON
import JupyterProtocol
import Testing

@Suite struct ModelTests {
  @Test(arguments: ModelServer.apis) func answersAPrompt(_ api: String) throws {
    try withModel(api) { _, client, _ throws in
      let shown = try client.show(#"reply = llm.complete{prompt = "say good morning"} return reply"#)
      #expect(shown.result == "good morning")
      #expect(shown.results["text/markdown"] == "good morning")
      #expect(
        try client.value("reply.usage.input, reply.usage.output, reply.finish_reason, reply.model")
          == "7\t3\tstop\ttest-1")
      #expect(
        try client.value("#reply.messages, reply.messages[2].role, reply.messages[2].content")
          == "2\tassistant\tgood morning")
      #expect(try client.value(#"tostring(require("llm").complete("say short"))"#) == "short")
      #expect(try client.value("llm.provider") == api)
    }
  }

  @Test(arguments: ModelServer.apis) func streamsAsItComes(_ api: String) throws {
    try withModel(api) { _, client, _ throws in
      // Shown once: as it comes, and not again as the cell's result.
      let shown = try client.show(#"llm.complete{prompt = "say one two three four", stream = true}"#)
      #expect(shown.stdout == "one two three four\n")
      #expect(shown.result == nil)

      let pieces = try client.value(
        """
        local pieces = {}
        local function take(piece) pieces[#pieces + 1] = piece end
        local reply = llm.complete{prompt = "say one two three", stream = take}
        return table.concat(pieces), reply.text, reply.usage.output
        """)
      #expect(pieces == "one two three\tone two three\t3")

      let iterated = try client.value(
        """
        local pieces, stream = {}, llm.stream{prompt = "say one two three"}
        for piece in stream do pieces[#pieces + 1] = piece end
        return table.concat(pieces), stream.reply.text, stream()
        """)
      #expect(iterated == "one two three\tone two three\tnil")
    }
  }

  /// While one answer comes, another may be asked for: also by the function that takes the pieces of the first.
  @Test func answersSeveralAtOnce() throws {
    try withModel { _, client, _ throws in
      let shown = try client.value(
        """
        local one, two = llm.stream("say the first of them"), llm.stream("say the second one")
        local pieces, inner = { "", "" }, nil
        repeat
          local a, b = one(), two()
          pieces[1], pieces[2] = pieces[1] .. (a or ""), pieces[2] .. (b or "")
        until not a and not b
        llm.complete{prompt = "say outer words", stream = function() inner = llm.complete("say inner").text end}
        return pieces[1], pieces[2], inner
        """)
      #expect(shown == "the first of them\tthe second one\tinner")
    }
  }

  @Test(arguments: ModelServer.apis) func takesAWholeAnswerWhereItAskedForAStream(_ api: String) throws {
    try withModel(api) { _, client, _ throws in
      let shown = try client.show("reply = llm.complete{prompt = 'plain all at once', stream = true}")
      #expect(shown.stdout == "all at once\n")
      #expect(try client.value("reply.text") == "all at once")
    }
  }

  /// What is written first is seen before the answer is over.
  @Test func streamsBeforeTheEnd() throws {
    try withModel { _, client, _ throws in
      var seen = ""
      let shown = try client.show(
        #"llm.complete{prompt = "stall", stream = true}"#,
        onOutput: { output in
          guard case .stream(_, let text) = output else { return }
          seen += text
          if seen == "begun" { client.interruption.signal() }
        })
      #expect(seen == "begun")
      #expect(shown.error?.name == "Interrupted")
    }
  }

  @Test(arguments: ModelServer.apis) func keepsAConversation(_ api: String) throws {
    try withModel(api) { _, client, _ throws in
      _ = try client.show(#"reply = llm.chat{system = "be kind", messages = {{role = "user", content = "say hello"}}}"#)
      _ = try client.show(#"table.insert(reply.messages, "messages")"#)
      let text = try client.show("llm.chat{messages = reply.messages}").result ?? ""
      let sent = try JSON(parsing: text)
      let messages = try #require(sent[1]?.array)
      let conversation = api == "anthropic" ? messages : Array(messages.dropFirst())
      let system = api == "anthropic" ? sent[0] : messages[0]["content"]
      #expect(system == "be kind")
      #expect(conversation.map { $0["role"] } == ["user", "assistant", "user"])
      #expect(conversation.map { $0["content"] } == ["say hello", "hello", "messages"])
    }
  }

  @Test(arguments: ModelServer.apis, [false, true]) func callsTools(_ api: String, _ streams: Bool) throws {
    try withModel(api) { _, client, _ throws in
      _ = try client.show(
        """
        tools = {
          add = {
            description = "adds", parameters = { a = "integer", b = "integer" },
            run = function(args) return args.a + args.b end,
          },
          words = { run = function(args) return { "a", args.word } end },
          broken = { run = function() error("it broke", 0) end },
        }
        function ask(prompt) return llm.chat{prompt = prompt, tools = tools, stream = \(streams)} end
        """)
      func answer(_ prompt: String) throws -> String? { try client.value("tostring(ask[[\(prompt)]])") }
      #expect(try answer(#"call add {"a": 2, "b": 40}"#) == "results: 42")
      #expect(try answer("twice") == "results: 3, 7")
      #expect(try answer(#"call words {"word": "b"}"#) == #"results: ["a","b"]"#)
      #expect(try answer("call broken {}") == "results: error: it broke")
      #expect(try answer("call nosuch {}") == "results: error: there is no tool nosuch")
      #expect(try client.value(#"ask("twice").usage"#) == "{ input = 14, output = 6 }")
      let sent = try JSON(parsing: try answer("echo") ?? "")
      #expect(sent["tools"]?.array?.count == 3)
    }
  }

  @Test(arguments: ModelServer.apis) func leavesToolsWithoutAFunctionToTheScript(_ api: String) throws {
    try withModel(api) { _, client, _ throws in
      let shown = try client.value(
        #"""
        local reply = llm.chat{prompt = 'call look {"at": "here"}', tools = { look = {} }}
        local call = reply.tool_calls[1]
        table.insert(reply.messages, { role = "tool", tool_call_id = call.id, content = "seen " .. call.arguments.at })
        return reply.finish_reason, call.name, llm.chat{messages = reply.messages, tools = { look = {} }}.text
        """#)
      #expect(shown == "tool_calls\tlook\tresults: seen here")
    }
  }

  @Test func endsALoopOfTools() throws {
    try withModel { _, client, _ throws in
      let endless = try client.show(
        """
        count = 0
        local tools = { again = { run = function() count = count + 1 return {} end } }
        llm.chat{prompt = "forever", max_steps = 3, tools = tools}
        """)
      #expect(endless.error?.value.contains("cell 1:3: llm: the model calls tools again and again") == true)
      #expect(try client.value("count") == "3")
    }
  }

  @Test(arguments: ModelServer.apis, [false, true]) func readsJSON(_ api: String, _ streams: Bool) throws {
    try withModel(api) { _, client, _ throws in
      _ = try client.show(
        """
        schema = { type = "object", properties = { name = { type = "string" }, ages = { type = "array",
          items = { type = "integer" } } }, required = { "name" } }
        function ask(text, schema)
          return llm.complete{prompt = "json " .. text, format = "json", schema = schema, stream = \(streams)}
        end
        """)
      #expect(
        try client.value(#"ask('{"name": "Ada", "ages": [36]}', schema).json"#) == #"{ ages = { 36 }, name = "Ada" }"#)
      #expect(try client.value(#"ask('{"any": null, "x": [1, 2]}').json.x[2]"#) == "2")
      let wrong = try client.show(#"ask('{"name": "Ada", "ages": ["old"]}', schema)"#)
      #expect(
        wrong.error?.value.hasSuffix("the answer does not fit the schema: ages[1] must be integer, not a string")
          == true)
      #expect(try client.show(#"ask('{"ages": []}', schema)"#).error?.value.hasSuffix("it has no name") == true)
    }
  }

  @Test func readsJSONInAFenceAndSaysWhatIsNone() throws {
    try withModel { _, client, _ throws in
      _ = try client.show(#"function ask(text) return llm.complete{prompt = "json " .. text, format = "json"} end"#)
      #expect(try client.value(#"ask("```json\n[1, 2]\n```").json[2]"#) == "2")
      #expect(try client.show(#"ask("well, no")"#).error?.value.contains("the answer is no JSON") == true)
    }
  }

  @Test(arguments: ModelServer.apis) func sendsWhatWasAsked(_ api: String) throws {
    try withModel(api) { _, client, _ throws in
      let text = try client.value(
        """
        tostring(llm.complete{prompt = "echo", max_tokens = 99, temperature = 0.5, top_p = 0.9, stop = "x",
          model = "other", extra = { seed = 7 }})
        """)
      var expected: JSON = [
        "max_tokens": 99, "temperature": 0.5, "top_p": 0.9, "model": "other", "seed": 7,
      ]
      expected[api == "openai" ? "stop" : "stop_sequences"] = ["x"]
      #expect(try JSON(parsing: text ?? "") == expected)
    }
  }

  @Test func choosesAmongLlmspellsProviders() throws {
    try withTemporaryDirectory { directory in
      let server = try ModelServer(in: directory)
      try write(
        """
        [providers]
        default_provider = "second"
        [providers.first]
        provider_type = "openai"
        base_url = "\(server.endpoint)/v1"
        api_key_env = "FIRST_KEY"
        default_model = "one"
        [providers.second]
        provider_type = "anthropic"
        base_url = "\(server.endpoint)"
        api_key_env = "SECOND_KEY"
        model = "two"
        max_tokens = 77
        """, to: directory + "/llmspell.toml")
      let kernel = try KernelProcess(
        in: directory, ["--config", directory + "/llmspell.toml"],
        environment: ["FIRST_KEY": ModelServer.key, "SECOND_KEY": ModelServer.key])
      let client = try kernel.client()
      #expect(try client.value(#"tostring(llm.complete("echo"))"#) == #"{"max_tokens": 77, "model": "two"}"#)
      #expect(
        try client.value(#"tostring(llm.complete{prompt = "echo", provider = "first"})"#) == #"{"model": "one"}"#)
      #expect(
        try client.show(#"llm.complete{prompt = "echo", provider = "third"}"#).error?.value.hasSuffix(
          "the kernel's config has no [providers.third] that is enabled") == true)
    }
  }
}
