// What goes wrong between a script and a language model, and what the script and its readers then see.
import Glibc
import JSON
import JupyterProtocol
import Testing

@Suite struct ModelFailureTests {
  /// How often the server was asked a prompt.
  private func tries(_ prompt: String, _ server: ModelServer) throws -> Int {
    let words = prompt.split(separator: " ").joined(separator: "%20")
    let program = "import urllib.request, sys; print(urllib.request.urlopen(sys.argv[1]).read().decode())"
    let output = server.directory + "/tries"
    let process = try TestProcess(
      ["/usr/bin/env", "python3", "-c", program, "\(server.endpoint)/tries/\(words)"], output: output)
    _ = try process.end()
    defer { unlink(output) }
    return Int(contents(of: output).split(separator: "\n").last ?? "") ?? -1
  }

  @Test(arguments: ModelServer.apis) func triesAgain(_ api: String) throws {
    try withModel(api) { _, client, _ throws in
      _ = try client.show(
        """
        function quiet() end
        function ask(prompt, stream)
          return tostring(llm.complete{prompt = prompt, backoff = 0.001, stream = stream})
        end
        """)
      for stream in ["nil", "quiet"] {
        #expect(try client.value("ask('flaky 2 500 \(stream)', \(stream))") == "answered at try 3")
        #expect(try client.value("ask('flaky 1 503 \(stream)', \(stream))") == "answered at try 2")
        #expect(try client.value("ask('flaky 1 429 \(stream)', \(stream))") == "answered at try 2")
        #expect(try client.value("ask('drop \(stream)', \(stream))") == "answered at try 2")
      }
    }
  }

  @Test func givesUp() throws {
    try withModel { _, client, server throws in
      let often = try client.problem(#"x = llm.complete{prompt = "flaky 9 500", backoff = 0.001, retries = 2}"#)
      #expect(often == "cell 1:1: llm: \(server.endpoint) failed (500): try later; tried 3 times")
      #expect(try tries("flaky 9 500", server) == 3)
      // The kernel's own functions are no places that a reader could look at.
      let shown = try client.show("function ask() return (llm.complete('what')) end\nask()")
      #expect(
        shown.error?.traceback.dropFirst() == [
          "stack traceback:", "\tcell 2:1: in function 'ask'",
          "\t  1 | function ask() return (llm.complete('what')) end", "\tcell 2:2: in main chunk", "\t  2 | ask()",
        ])
      let later = try client.problem(#"llm.complete{prompt = "later"}"#)
      #expect(
        later.hasSuffix("has had too many requests (429): much too fast; it wants to be asked again in 3600 s"))
      let spent = try client.problem(#"llm.complete{prompt = "spent", backoff = 0.001}"#)
      #expect(spent.hasSuffix("refused the request (429): you have no money"))
      #expect(try tries("spent", server) == 1)
    }
  }

  /// An answer that has begun is not asked for again: the script has seen a part of it.
  @Test(arguments: ModelServer.apis) func neverStartsAnAnswerAgain(_ api: String) throws {
    try withModel(api) { _, client, server throws in
      for (prompt, message) in [
        ("cut", "broke off after 9 characters"), ("end", "broke off after 9 characters"),
        ("error", "ended its answer with an error: overloaded [redacted]"),
      ] {
        let shown = try client.show("llm.complete{prompt = '\(prompt)', stream = true, backoff = 0.001}")
        #expect(shown.stdout == "the begin")
        #expect(shown.error?.value.contains(message) == true, "\(shown)")
        #expect(try tries(prompt, server) == 1)
      }
      let garbage = try client.problem("llm.complete{prompt = 'garbage', stream = true}")
      #expect(garbage.hasSuffix("sent an event that is no JSON"))
      #expect(try client.value("tostring(llm.complete('say still there'))") == "still there")
    }
  }

  @Test func takesNoTimeWithoutEnd() throws {
    try withModel { _, client, server throws in
      let place = server.endpoint
      for (options, message) in [
        ("prompt = 'hang', timeout = 0.05", "\(place) was not done after 0.05 s (timeout)"),
        ("prompt = 'hang', idle_timeout = 0.05", "\(place) sent nothing for 0.05 s (idle_timeout)"),
        ("prompt = 'stall', stream = true, idle_timeout = 0.2", "\(place) sent nothing for 0.2 s (idle_timeout)"),
        ("prompt = 'huge'", "the answer of \(place) is larger than 16 MiB and was given up"),
      ] {
        let problem = try client.problem("llm.complete{\(options)}")
        #expect(problem.hasSuffix(message), "\(problem)")
      }
    }
  }

  @Test func endsOnAnInterrupt() throws {
    try withModel { kernel, client, _ throws in
      for code in [
        "llm.complete('hang')", "pcall(llm.complete, 'hang')", "llm.complete{prompt = 'flaky 9 500', backoff = 20}",
      ] {
        let shown = try client.show(
          "print('now') \(code)", onOutput: { if case .stream = $0 { client.interruption.signal() } })
        #expect(shown.error?.name == "Interrupted", "\(code)")
      }
      let shown = try client.show(
        "print('now') llm.complete('hang')", onOutput: { if case .stream = $0 { kernel.process.signal(SIGINT) } })
      #expect(shown.error?.name == "Interrupted")
      #expect(try client.value("tostring(llm.complete('say still there'))") == "still there")
    }
  }

  @Test(arguments: ModelServer.apis) func neverShowsTheKey(_ api: String) throws {
    try withModel(api) { kernel, client, _ throws in
      #expect(try client.value("tostring(llm.complete('key'))") == "your key is [redacted], is it not?")
      let streamed = try client.show("llm.complete{prompt = 'key', stream = true}")
      #expect(streamed.stdout == "your key is [redacted], is it not?\n")
      // Split, so that it does not stand in the source below an error.
      _ = try client.show("key = '\(ModelServer.key.prefix(9))' .. '\(ModelServer.key.dropFirst(9))'")
      for prompt in [
        "'bad'", "'garbage'", "'error'", "'cut'", #"'json {"k": "' .. key"#, "'json ' .. key", "'what is ' .. key",
        "'call add ' .. key",
      ] {
        for more in ["", ", stream = true", ", format = 'json'", ", tools = { add = { run = print } }"] {
          let shown = try client.show("llm.complete{prompt = \(prompt)\(more), retries = 0}")
          #expect(!"\(shown)".contains(ModelServer.key), "\(shown)")
        }
      }
      #expect(!contents(of: kernel.log).contains(ModelServer.key))
    }
  }

  @Test(arguments: ModelServer.apis) func explainsRefusals(_ api: String) throws {
    try withModel(api, key: "sk-wrong-9876543210") { _, client, server throws in
      #expect(
        try client.problem("llm.complete('say hello')")
          == "llm: \(server.endpoint) refuses the key in TEST_MODEL_KEY (401): "
          + "incorrect key provided: [redacted]")
    }
    try withModel(api) { _, client, server throws in
      let unknown = try client.problem("llm.complete{prompt = 'say x', model = 'nosuch'}")
      #expect(
        unknown.hasSuffix(
          "\(server.endpoint) does not know the model nosuch, or the endpoint is wrong (404): model: nosuch"))
      let refused = try client.problem("llm.complete('unheard of')")
      #expect(refused.hasSuffix("refused the request (400): the model does not understand unheard of"))
      for (options, message) in [
        ("prompt = 'x', promt = 'y'", "there is no option promt; there are backoff, "),
        ("prompt = 'x', temperature = 'hot'", "temperature must be a number from 0.0 to 2.0"),
        ("prompt = 'x', tools = { ['a b'] = {} }", "a tool's name has letters"),
        ("prompt = 'x', stream = 'yes'", "stream is true or a function, not a string"), ("", "complete needs a prompt"),
        ("prompt = 'x', messages = { { role = 'robot' } }", "the role of a message is"),
        ("prompt = 'x', timeout = print", "a function has no form in JSON"),
      ] {
        let problem = try client.problem("x = llm.complete{\(options)}")
        #expect(problem.hasPrefix("cell ") && problem.contains(":1: llm: \(message)"), "\(problem)")
      }
    }
  }

  @Test func explainsWhatIsMissing() throws {
    try withKernel { _, client throws in
      let problem = try client.problem("llm.complete('x')")
      #expect(
        problem.hasPrefix(
          "llm: this kernel's config names no language model; start one with fleet spawn --config openai"))
    }
    try withTemporaryDirectory { directory in
      let server = try ModelServer(in: directory)
      let config = directory + "/c.toml"
      for (lines, message) in [
        (
          ["provider = \"openai\"", "model = \"m\""],
          "the environment variable OPENAI_API_KEY, which holds the key of openai, is not set in this kernel; export it"
        ),
        (
          ["provider = \"local\"", "model = \"m\"", "endpoint = \"http://127.0.0.1:9/v1\""],
          "llm: http://127.0.0.1:9/v1 cannot be reached: "
        ),
        (
          ["provider = \"local\"", "model = \"m\"", "endpoint = \"https://127.0.0.1:\(server.port)/v1\""],
          "llm: there is no safe connection to https://127.0.0.1:\(server.port)/v1: "
        ),
        (["provider = \"groq\"", "model = \"m\""], "add endpoint = \"https://…/v1\""),
        (["provider = \"openai\"", "endpoint = \"http://127.0.0.1:9/v1\""], "no model is named"),
      ] {
        try write((["[llm]"] + lines).joined(separator: "\n"), to: config)
        let kernel = try KernelProcess(in: directory, ["--config", config], environment: ["OPENAI_API_KEY": ""])
        defer { unlink(directory + "/kernel.json") }
        let problem = try kernel.client().problem("llm.complete{prompt = 'x', retries = 1, backoff = 0.001}")
        #expect(problem.contains(message), "\(problem)")
      }
    }
  }

  /// Kernels whose scripts ask no model do not pay for it.
  @Test func loadsLibcurlWhenItIsNeeded() throws {
    try withModel { kernel, client, _ throws in
      let maps = "/proc/\(kernel.process.pid)/maps"
      #expect(try client.value("llm.model") == "test-1")
      #expect(!contents(of: maps).contains("libcurl"))
      #expect(try client.value("tostring(llm.complete('say hello'))") == "hello")
      #expect(contents(of: maps).contains("libcurl.so.4"))
    }
  }

  @Test func asksAServerOfThisMachineDirectly() throws {
    try withTemporaryDirectory { directory in
      let server = try ModelServer(in: directory)
      let kernel = try KernelProcess(
        in: directory, ["--config", try server.config("openai")],
        environment: ["TEST_MODEL_KEY": ModelServer.key, "http_proxy": "http://127.0.0.1:9"])
      #expect(try kernel.client().value("tostring(llm.complete('say hello'))") == "hello")
    }
  }

  @Test func saysWhatToInstall() throws {
    try withTemporaryDirectory { directory in
      let server = try ModelServer(in: directory)
      for name in ["libcurl.so.4", "libcurl-gnutls.so.4"] { try write("not a library", to: "\(directory)/\(name)") }
      let kernel = try KernelProcess(
        in: directory, ["--config", try server.config("openai")],
        environment: ["TEST_MODEL_KEY": ModelServer.key, "LD_LIBRARY_PATH": directory])
      #expect(
        try kernel.client().problem("llm.complete('say hello')")
          == "llm: libcurl.so.4 cannot be loaded; install the package libcurl4 (apt install libcurl4)")
    }
  }
}
