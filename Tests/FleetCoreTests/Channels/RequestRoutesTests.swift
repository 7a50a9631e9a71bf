// Whose request an answer belongs to.
import JSON
import JupyterProtocol
import Testing

@testable import FleetCore

@Suite struct RequestRoutesTests {
  private final class Owner {}

  private let alice = Owner()
  private let bob = Owner()

  private func request(_ session: MessageSession, _ type: String = "execute_request") -> RawMessage {
    RawMessage(session.header(type), channel: .shell, content: [:])
  }

  private func answer(to request: RawMessage, channel: ConnectionFile.Channel = .shell) -> RawMessage {
    var answer = RawMessage(MessageSession(key: "").header("reply"), channel: channel, content: [:])
    answer.parentFields = request.fields
    return answer
  }

  @Test func `answers go to who asked, even if two share a session's name`() {
    var routes = RequestRoutes<Owner>(capacity: 100)
    let shared = MessageSession(key: "")
    let (hers, his) = (request(shared), request(shared))
    routes.add(hers, from: alice)
    routes.add(his, from: bob)
    #expect(routes.owner(ofAnswer: answer(to: hers, channel: .stdin)) === alice)
    #expect(routes.owner(ofAnswer: answer(to: hers)) === alice)
    #expect(routes.owner(ofAnswer: answer(to: his)) === bob)
    #expect(routes.owner(ofAnswer: RawMessage(shared.header("x"), channel: .shell, content: [:])) == nil)
  }

  @Test(arguments: [true, false])
  func `an execution is under way until it is answered and the kernel idle, whatever comes first`(idleFirst: Bool) {
    var routes = RequestRoutes<Owner>(capacity: 100)
    let one = request(MessageSession(key: ""))
    routes.add(one, from: alice)
    #expect(routes.isExecuting(alice) && !routes.isExecuting(bob))
    if idleFirst {
      routes.completed(one.fields.id)
      #expect(routes.isExecuting(alice))
      #expect(routes.owner(ofAnswer: answer(to: one)) === alice)
    } else {
      #expect(routes.owner(ofAnswer: answer(to: one)) === alice)
      #expect(routes.isExecuting(alice))
      routes.completed(one.fields.id)
    }
    #expect(!routes.isExecuting(alice))
  }

  @Test func `the oldest are forgotten, and their session still tells`() {
    var routes = RequestRoutes<Owner>(capacity: 10)
    let session = MessageSession(key: "")
    let requests = (0..<50).map { _ in request(session) }
    for one in requests { routes.add(one, from: alice) }
    #expect(routes.owner(ofAnswer: answer(to: requests[0])) === alice)
    #expect(routes.isExecuting(alice))
    for one in requests {
      routes.completed(one.fields.id)
      _ = routes.owner(ofAnswer: answer(to: one))
    }
    #expect(!routes.isExecuting(alice))
    routes.forget(alice)
    #expect(routes.owner(ofAnswer: answer(to: requests[49])) == nil)
  }
}
