// fleet.toml: every section, its defaults, its errors, and where it is looked for.
import Testing

@testable import FleetConfiguration

/// A fleet directory, and a shared one with the policies that the texts name.
private struct Fixture: ~Copyable {
  let directory = TestDirectory()
  let locator: Locator

  init() {
    directory.write("shared/policies/least_loaded.lua", "return {}")
    directory.write("shared/policies/thresholds.lua", "return {}")
    directory.write("shared/configs/default.toml", "")
    directory.write("fleet/policies/candidate.lua", "return {}")
    locator = Locator(fleetDirectory: directory.path + "/fleet", sharedDirectory: directory.path + "/shared")
  }
}

struct FleetConfigurationTests {
  @Test func readsTheWholeSample() throws {
    let fixture = Fixture()
    let locator = fixture.locator
    let file = fixture.directory.path + "/fleet/fleet.toml"
    let configuration = try FleetConfiguration.parse(
      """
      [host]
      http = "127.0.0.1:9000"
      [ports]
      base = 9000
      [policies]
      route = "policies/least_loaded.lua"
      alert = ["policies/thresholds.lua"]
      shadow.route = "policies/candidate.lua"
      [pools.python]
      kernelspec = "python3"
      min = 1
      max = 8
      warm = 2
      config = "default"
      interval = "5s"
      tolerance = 0.2
      scale_up_window = "30s"
      scale_down_window = "2m"
      scale_up_step = 2
      scale_down_step = [1, "50%"]
      cooldown = "10s"
      [pools.python.limits]
      memory = "1G"
      [kernelspecs.llmspell]
      argv = ["llmspell", "--connection-file", "{connection_file}"]
      language = "lua"
      interrupt_mode = "message"
      env = { KEY = "secret" }
      [limits]
      memory = "512M"
      [logs]
      max_size = "1M"
      max_age = "7d"
      keep = 2
      [alerts]
      webhook = "http://127.0.0.1:1/hook"
      command = ["mail", "me"]
      interval = "30s"
      [metrics]
      interval = "1s"
      [decisions]
      max_size = "8M"
      max_age = "1d"
      [gateway]
      share = true
      env = ["KERNEL_*", "HF_TOKEN"]
      root = "."
      default = "lua"
      cull_interval = "10s"
      cull_connected = true
      [channels]
      max_message = "10M"
      buffer = "32M"
      session_buffer = "1M"
      session_age = "1m"
      """, file: file, locator: locator)
    #expect(configuration.channels.maximumMessage.bytes == 10 << 20 && configuration.channels.buffer.bytes == 32 << 20)
    #expect(configuration.channels.sessionBuffer.bytes == 1 << 20 && configuration.channels.sessionAge == .seconds(60))
    #expect(configuration.host.http == HTTPAddress(host: "127.0.0.1", port: 9000))
    #expect(configuration.ports.base == 9000)
    #expect(configuration.policies.paths[.route] == [fixture.directory.path + "/shared/policies/least_loaded.lua"])
    #expect(configuration.policies.paths[.alert] == [fixture.directory.path + "/shared/policies/thresholds.lua"])
    #expect(configuration.policies.shadows[.route] == [fixture.directory.path + "/fleet/policies/candidate.lua"])
    let pool = try #require(configuration.pools["python"])
    #expect(pool.kernelspec == "python3" && pool.minimum == 1 && pool.maximum == 8 && pool.warm == 2)
    #expect(pool.config == fixture.directory.path + "/shared/configs/default.toml")
    #expect(pool.limits.memory?.bytes == 1 << 30)
    #expect(pool.scaling.interval == .seconds(5) && pool.scaling.tolerance == 0.2)
    #expect(pool.scaling.upWindow == .seconds(30) && pool.scaling.downWindow == .seconds(120))
    #expect(pool.scaling.upStep == .init(kernels: 2) && pool.scaling.downStep == .init(kernels: 1, percent: 50))
    #expect(pool.scaling.cooldown == .seconds(10))
    let spec = try #require(configuration.kernelspecs["llmspell"])
    #expect(spec.argv[0] == "llmspell" && spec.interruptMode == .message && spec.environment == ["KEY": "secret"])
    #expect(configuration.limits.memory?.bytes == 512 << 20)
    #expect(configuration.logs.maximumAge == .seconds(7 * 86_400))
    #expect(configuration.alerts.command == ["mail", "me"] && configuration.alerts.interval == .seconds(30))
    #expect(configuration.metrics.interval == .seconds(1))
    #expect(configuration.decisions.maximumSize.bytes == 8 << 20)
    #expect(configuration.decisions.maximumAge == .seconds(86_400))
    #expect(configuration.gateway.share && configuration.gateway.cullConnected)
    #expect(configuration.gateway.environment == ["KERNEL_*", "HF_TOKEN"])
    #expect(configuration.gateway.root?.hasPrefix("/") == true)
    #expect(configuration.gateway.kernelspec == "lua" && configuration.gateway.cullInterval == .seconds(10))

    let described = configuration.described()
    #expect(described.hasPrefix("# from \(file)\n"))
    #expect(!described.contains("secret"))
    // What is shown can be read back, but for the values that are not shown.
    var again = try FleetConfiguration.parse(described, file: file, locator: locator)
    again.kernelspecs["llmspell"]?.environment = ["KEY": "secret"]
    #expect(again == configuration)
  }

  @Test func withoutAFileAllIsDefault() throws {
    let fixture = Fixture()
    let locator = fixture.locator
    let configuration = try FleetConfiguration.load(
      named: nil, directory: FleetDirectory(path: fixture.directory.path + "/fleet"), locator: locator,
      systemFile: fixture.directory.path + "/none.toml")
    #expect(configuration.file == nil)
    #expect(configuration.ports.base == 9555)
    #expect(configuration.limits == Limits())
    #expect(configuration.policies.paths == [.route: [fixture.directory.path + "/shared/policies/least_loaded.lua"]])
    #expect(
      configuration.described() == """
        # no fleet.toml was found: all of this is default

        [host]
        http = "127.0.0.1:9550"
        max_connections = 4096

        [ports]
        base = 9555

        [policies]
        route = ["\(fixture.directory.path)/shared/policies/least_loaded.lua"]

        [limits]

        [health]
        interval = "5s"

        [logs]
        max_size = "10M"
        keep = 5

        [alerts]
        interval = "10s"

        [metrics]
        interval = "5s"
        history = true

        [decisions]
        max_size = "64M"
        max_age = "7d"

        [gateway]
        share = false
        env = ["KERNEL_*"]
        cull_interval = "1m"
        cull_connected = false

        [channels]
        max_message = "64M"
        buffer = "24M"
        session_buffer = "5M"
        session_age = "10m"

        """)
  }

  @Test func theNamedFileComesBeforeTheFleetsBeforeTheSystems() throws {
    let fixture = Fixture()
    let locator = fixture.locator
    let fleet = FleetDirectory(path: fixture.directory.path + "/fleet")
    let system = fixture.directory.write("etc.toml", "[ports]\nbase = 1000")
    func base(named path: String?) throws -> Int {
      try FleetConfiguration.load(named: path, directory: fleet, locator: locator, systemFile: system).ports.base
    }
    #expect(try base(named: nil) == 1000)
    fixture.directory.write("fleet/fleet.toml", "[ports]\nbase = 2000")
    #expect(try base(named: nil) == 2000)
    let named = fixture.directory.write("named.toml", "[ports]\nbase = 3000")
    #expect(try base(named: named) == 3000)
    #expect { try base(named: fixture.directory.path + "/nope") } throws: {
      "\($0)" == "\(fixture.directory.path)/nope: there is no such file"
    }
  }

  @Test func usersOfKernelsAreARange() throws {
    let fixture = Fixture()
    let text = "[hardening]\nuid_range = \"1000000-1065535\"\n"
    let configuration = try FleetConfiguration.parse(text, file: "/x/fleet.toml", locator: fixture.locator)
    #expect(configuration.hardening.uidRange?.first == 1_000_000)
    #expect(configuration.described().contains("\n[hardening]\n"))
    #expect(configuration.described().contains("uid_range = \"1000000-1065535\""))
    // A kernel's config may ask for more, and for no less.
    #expect(configuration.hardening.and(.init(landlock: true)).uidRange == configuration.hardening.uidRange)
  }

  @Test(arguments: [
    ("[hardening]\nuid_range = 5", "2: \"uid_range\" in [hardening] must be a string, found an integer"),
    (
      "[hardening]\nuid_range = \"some\"",
      "2: \"uid_range\" in [hardening]: \"some\" is no range of user ids; write 1000000-1065535"
    ),
    (
      "[hardening]\nuid_range = \"2-1\"",
      "2: \"uid_range\" in [hardening]: \"2-1\" is no range of user ids; write 1000000-1065535"
    ),
    (
      "[hardening]\nuid_range = \"0-65535\"",
      "2: \"uid_range\" in [hardening]: 0-65535 holds ids of other users; begin at 65536 or above, such as 1000000-1065535"
    ),
    (
      "[hardening]\nuid_range = \"4294901760-4294967295\"",
      "2: \"uid_range\" in [hardening]: 4294901760-4294967295 holds ids of other users; begin at 65536 or above, such as "
        + "1000000-1065535"
    ),
    (
      "[hardening]\nuid_range = \"200000-200099\"",
      "2: \"uid_range\" in [hardening]: 200000-200099 are 100 user ids; a host takes 65536: 200000-265535"
    ),
    ("[hosts]", "1: unknown section \"hosts\"; did you mean \"host\"?"),
    (
      "[host]\nhttp = \"9550\"",
      "2: \"http\" in [host]: \"9550\" is no address; write it as 127.0.0.1:9550, or \"\" for none"
    ),
    ("[host]\ntls_key = \"k\"", "2: \"tls_key\" in [host]: needs tls_certificate beside it"),
    ("[ports]\nbase = 70000", "2: \"base\" in [ports]: 70000 is out of range; write a whole number from 1 to 65531"),
    ("[policies]\nroutes = \"x\"", "2: unknown key \"routes\" in [policies]; did you mean \"route\"?"),
    ("[policies]\nroute = 1", "2: \"route\" in [policies] must be a string or an array of strings, found an integer"),
    ("[policies]\nroute = [1]", "2: \"route\" in [policies] must be an array of strings, found an integer in it"),
    ("[pools.a]\nmin = 3\nmax = 2", "2: \"min\" in [pools.a]: 3 is more than max, 2"),
    ("[pools.a]\nwarm = 3\nmax = 2", "2: \"warm\" in [pools.a]: 3 is more than max, 2"),
    (
      "[pools.a]\nsize = 3",
      "2: unknown key \"size\" in [pools.a]; known here: kernelspec, language, config, min, warm, max, launcher, limits, labels, interval, tolerance, scale_up_window, scale_down_window, scale_up_step, scale_down_step, cooldown"
    ),
    (
      "[pools.\"a b\"]\nmin = 1",
      "1: \"a b\" in [pools]: a pool's name has only letters, digits, \".\", \"_\" and \"-\""
    ),
    (
      "[pools.a]\nscale_up_step = \"4\"",
      "2: \"scale_up_step\" in [pools.a]: write a number of kernels such as 4, a share such as \"100%\", or [4, \"100%\"] for the greater"
    ),
    (
      "[pools.a]\ntolerance = 10",
      "2: \"tolerance\" in [pools.a]: 10.0 is no share; 0.1 leaves changes by less than a tenth alone"
    ),
    ("[pools.a]\ncooldown = \"2d\"", "2: \"cooldown\" in [pools.a]: 2d is outside 0s to 1d"),
    ("[alerts]\ncommand = [\"\"]", "2: \"command\" in [alerts]: names no program"),
    (
      "[gateway]\nenv = [\"LD-*\"]",
      "2: \"env\" in [gateway]: \"LD-*\" is no name of a variable; write OPENAI_API_KEY, or KERNEL_* for many"
    ),
    (
      "[pools.jupyter]\nmax = 1",
      "1: \"jupyter\" in [pools]: policies know the kernels of Jupyter's clients by this name; choose another"
    ),
    ("[decisions]\nmax_size = \"1K\"", "2: \"max_size\" in [decisions]: 1K is too little; the least is 1M"),
    (
      "[kernelspecs.x]\nlanguage = \"a\"",
      "1: \"argv\" in [kernelspecs.x]: names no program; write argv = [\"program\", \"{connection_file}\"]"
    ),
    (
      "[kernelspecs.x]\nargv = [\"a\"]",
      "1: \"language\" in [kernelspecs.x]: is missing; write language = \"lua\" or another"
    ),
    (
      "[kernelspecs.\"a/b\"]",
      "1: \"a/b\" in [kernelspecs]: a kernelspec's name has only letters, digits, \".\", \"_\" and \"-\""
    ),
    ("[health]\ninterval = \"1ms\"", "2: \"interval\" in [health]: 1ms is outside 100ms to 1h"),
    (
      "[logs]\nmax_age = \"soon\"",
      "2: \"max_age\" in [logs]: \"soon\" is no length of time; write it as 500ms, 2s, 1m30s or 24h"
    ),
    (
      "[alerts]\nwebhook = \"x\"", "2: \"webhook\" in [alerts]: \"x\" is no address; it begins with http:// or https://"
    ),
  ])
  func complaints(text: String, message: String) {
    let fixture = Fixture()
    let locator = fixture.locator
    let file = fixture.directory.path + "/fleet/fleet.toml"
    #expect { try FleetConfiguration.parse(text, file: file, locator: locator) } throws: {
      "\($0)" == "\(file):\(message)"
    }
  }

  @Test func aMissingPolicyIsSaidWithWhereItWasLookedFor() {
    let fixture = Fixture()
    let locator = fixture.locator
    let root = fixture.directory.path
    let file = root + "/fleet/fleet.toml"
    let message =
      "\(file):2: \"route\" in [policies]: there is no policy \"policies/least_loded.lua\"; looked for "
      + "\(root)/fleet/policies/least_loded.lua, \(root)/fleet/policies, \(root)/shared/policies; "
      + "did you mean \"least_loaded\"?"
    #expect {
      try FleetConfiguration.parse("[policies]\nroute = \"policies/least_loded.lua\"", file: file, locator: locator)
    } throws: { "\($0)" == message }
  }

  @Test func anEmptyAddressTurnsTCPOff() throws {
    let fixture = Fixture()
    let locator = fixture.locator
    let file = fixture.directory.path + "/fleet/fleet.toml"
    let configuration = try FleetConfiguration.parse("[host]\nhttp = \"\"", file: file, locator: locator)
    #expect(configuration.host.http == nil)
    #expect(configuration.described().contains("http = \"\"\n"))
  }
}
