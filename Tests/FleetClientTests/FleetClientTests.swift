// The client against scripted servers: answers, refusals, reuse of connections, and everything that can break.
import Glibc
import JSON
import Testing

@testable import FleetClient

struct FleetClientTests {
  private func error(_ body: () throws(FleetClientError) -> Void) -> FleetClientError? {
    do {
      try body()
      return nil
    } catch { return error }
  }

  @Test func oneConnectionCarriesManyRequests() throws {
    let server = ScriptedServer([
      [
        ScriptedServer.json(#"{"status":"healthy"}"#),
        ScriptedServer.json(#"{"kernel":{"id":"k"}}"#, status: "201 Created"),
      ]
    ])
    let client = FleetClient(socketPath: server.path)
    #expect(try client.health() == ["status": "healthy"])
    let (status, document) = try client.request("POST", "/kernels", ["name": "é"])
    #expect(status == 201 && document["kernel"]?["id"]?.string == "k")
    #expect(server.requests.count == 2)
    #expect(server.requests[0].hasPrefix("GET /health HTTP/1.1\r\nHost: localhost\r\n"))
    #expect(server.requests[1].hasSuffix("Content-Length: 13\r\n\r\n{\"name\":\"é\"}"))
  }

  @Test func aConnectionThatTheHostClosedIsMadeAnew() throws {
    let server = ScriptedServer([[ScriptedServer.json("1")], [ScriptedServer.json("2")]])
    let client = FleetClient(socketPath: server.path)
    #expect(try client.call("GET", "/") == 1)
    #expect(try client.call("GET", "/") == 2)
    #expect(server.requests.count == 2)
  }

  @Test func chunkedAndUnboundedBodiesAreRead() throws {
    let chunked =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      + "4;x=y\r\n[1,2\r\n3\r\n,3]\r\n0\r\nTrailer: x\r\n\r\n"
    let server = ScriptedServer([
      [.answer(chunked), .answer("HTTP/1.1 204 No Content\r\n\r\n")],
      [.answer("HTTP/1.1 200 OK\r\n\r\n[4]")],
    ])
    let client = FleetClient(socketPath: server.path)
    #expect(try client.call("GET", "/") == [1, 2, 3])
    #expect(try client.call("GET", "/") == .null)
    client.close()
    #expect(try client.call("GET", "/") == [4])
  }

  @Test func aRefusalCarriesTheHostsCodeAndSentence() {
    let server = ScriptedServer([
      [
        ScriptedServer.json(
          #"{"error":"there is no kernel \"x\"","code":"kernel_not_found"}"#, status: "404 Not Found"),
        ScriptedServer.json("{}", status: "500 Oops"),
      ]
    ])
    let client = FleetClient(socketPath: server.path)
    let missing = error { () throws(FleetClientError) in _ = try client.kernel("x") }
    #expect(missing == .refused(status: 404, code: "kernel_not_found", message: "there is no kernel \"x\""))
    #expect(missing?.description == "there is no kernel \"x\"")
    let broken = error { () throws(FleetClientError) in _ = try client.kernels() }
    #expect(broken == .refused(status: 500, code: "internal", message: "the host answered with status 500"))
  }

  @Test func withoutAHostItSaysSo() {
    let path = "/tmp/fleet-client-no-such-directory/fleet.sock"
    let client = FleetClient(socketPath: path)
    let found = error { () throws(FleetClientError) in _ = try client.health() }
    #expect(found == .hostUnreachable(socket: path, reason: "there is no socket"))
    #expect(found?.description == "no host answers on \(path) (there is no socket); start one with fleet up")
  }

  @Test func aSocketThatNobodyListensOnIsUnreachable() throws {
    let path: String
    do {
      let server = ScriptedServer([])
      path = server.directory + "-dead.sock"
      rename(server.path, path)
      withExtendedLifetime(server) {}
    }
    defer { unlink(path) }
    let client = FleetClient(socketPath: path)
    let found = error { () throws(FleetClientError) in _ = try client.health() }
    #expect(found == .hostUnreachable(socket: path, reason: "Connection refused"))
  }

  @Test func pathsLongerThanASocketAddressWork() throws {
    let server = ScriptedServer(deep: true, [[ScriptedServer.json("1")]])
    #expect(server.path.utf8.count > 200)
    #expect(try FleetClient(socketPath: server.path).call("GET", "/") == 1)
  }

  /// A host that was killed takes connections until it is gone altogether; whoever asks finds the next one.
  @Test func onlyAQuestionIsAskedAgainOfAHostThatLeaves() throws {
    let server = ScriptedServer([[], [ScriptedServer.json("1")], []])
    let client = FleetClient(socketPath: server.path)
    #expect(try client.call("GET", "/") == 1)
    client.close()
    let found = error { () throws(FleetClientError) in _ = try client.call("POST", "/kernels", [:]) }
    #expect(found?.description.hasPrefix("the host went away while it was asked") == true)
  }

  @Test func aHostThatSaysNothingIsNotWaitedForLonger() {
    let server = ScriptedServer([[.hang]])
    let client = FleetClient(socketPath: server.path)
    let found = error { () throws(FleetClientError) in _ = try client.health(timeout: .milliseconds(50)) }
    #expect(found == .timedOut(after: .milliseconds(50)))
    #expect(found?.description.hasPrefix("the host did not answer within 50 ms; ") == true)
  }

  @Test(arguments: [
    (
      "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n[1",
      "the host went away while it was asked (the connection was closed)"
    ),
    ("HTTP/1.1 200 OK\r\nContent", "the host went away while it was asked (the connection was closed)"),
    ("SSH-2.0\r\n\r\n", "the host's answer cannot be understood: it begins with \"SSH-2.0\""),
    ("HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", "the host's answer cannot be understood: its headers are broken"),
    ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "the host's answer cannot be understood: its length is \"-1\""),
    ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "the host's answer cannot be understood: its length is"),
    (
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      "the host's answer cannot be understood: a piece of it has the length \"zz\""
    ),
    (
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n11\r\n",
      "the host's answer cannot be understood: a piece of it is longer than it says"
    ),
    (
      "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\noops",
      "the host's answer cannot be understood: status 200, \"oops\" is no JSON"
    ),
  ])
  func whatIsBrokenIsAnError(answer: String, message: String) {
    let server = ScriptedServer([[.answer(answer)]])
    let client = FleetClient(socketPath: server.path)
    let found = error { () throws(FleetClientError) in _ = try client.health() }
    #expect(found?.description.hasPrefix(message) == true, "\(found?.description ?? "nothing")")
  }

  @Test func largeDocumentsGoBothWays() throws {
    let text = String(repeating: "x", count: 3 << 20)
    let server = ScriptedServer([[ScriptedServer.json("\"\(text)\""), ScriptedServer.json("1")]])
    let client = FleetClient(socketPath: server.path)
    #expect(try client.call("GET", "/").string?.utf8.count == 3 << 20)
  }

  @Test func callsAreMadeAsTheContractSays() throws {
    let server = ScriptedServer([Array(repeating: ScriptedServer.json("{}"), count: 12)])
    let client = FleetClient(socketPath: server.path)
    _ = try client.kernel("../a b/é")
    _ = try client.kernel("..")
    _ = try client.spawn(["config": "/c.toml"])
    _ = try client.find([:])
    _ = try client.stop("k", force: true, timeout: .milliseconds(1500))
    _ = try client.stopAll()
    _ = try client.logs("k", lines: 7)
    _ = try client.addClient("k", name: "me", pid: 12)
    _ = try client.removeClient("k", pid: 12)
    _ = try client.cleanup()
    _ = try client.shutdown(kernels: true)
    _ = try client.registry()
    #expect(
      server.requests.map { $0.prefix { $0 != "\r\n" }.dropLast(" HTTP/1.1".count) } == [
        "GET /kernels/..%2Fa%20b%2F%C3%A9", "GET /kernels/%2E%2E", "POST /kernels", "POST /find",
        "DELETE /kernels/k?force=1&timeout=1.500", "DELETE /kernels", "GET /kernels/k/logs?lines=7",
        "POST /kernels/k/clients", "DELETE /kernels/k/clients/12", "POST /cleanup", "POST /shutdown?kernels=1",
        "GET /registry",
      ])
  }
}
