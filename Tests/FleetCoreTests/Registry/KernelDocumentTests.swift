// Rows as JSON: everything that is durable comes back as it was, and what is no row is refused with a reason.

import FleetEngine
import JSON
import Testing

@testable import FleetCore

@Suite struct KernelDocumentTests {
  private func roundTrip(
    _ kernel: Kernel, backoff: Duration? = nil
  ) throws -> KernelDocument.Stored {
    let text = KernelDocument.encode(kernel, backoff: backoff, bootID: "boot").text()
    return try KernelDocument.decode(try JSON(parsing: text))
  }

  @Test func everyFieldComesBack() throws {
    let kernel = Kernel.complete()
    let stored = try roundTrip(kernel, backoff: .milliseconds(1234))
    #expect(stored.kernel == kernel.durable)
    #expect(stored.backoff == .milliseconds(1234))
    #expect(stored.bootID == "boot")
    #expect(stored.startedAt == kernel.process?.startedAt)
  }

  @Test func whatIsNotSaidStaysUnsaid() throws {
    let stored = try roundTrip(.bare())
    #expect(stored.kernel == .bare())
    #expect(stored.backoff == nil && stored.startedAt == nil)
  }

  @Test(arguments: [AfterStop.remove, .restart, .fail("why")])
  func whatAStopLeadsTo(_ after: AfterStop) throws {
    var kernel = Kernel.bare()
    kernel.status = .stopping
    kernel.afterStop = after
    #expect(try roundTrip(kernel).kernel == kernel)
  }

  @Test(arguments: Status.allCases) func everyStatus(_ status: Status) throws {
    var kernel = Kernel.bare()
    kernel.status = status
    #expect(try roundTrip(kernel).kernel.status == status)
  }

  @Test func anExitByCode() throws {
    var kernel = Kernel.bare()
    kernel.exit = ExitInfo(code: 3, endedAt: 1)
    #expect(try roundTrip(kernel).kernel.exit == kernel.exit)
  }

  /// What an engine knows only for as long as it runs is not in the document: else this test would not be complete.
  @Test func onlyWhatIsSeenIsLeftOut() throws {
    var kernel = Kernel.complete()
    kernel.isBusy = true
    kernel.missedHeartbeats = 2
    kernel.connections = 3
    kernel.reservations = [Instant(nanoseconds: 1)]
    kernel.isLaunching = true
    kernel.portAttempts = 4
    #expect(try roundTrip(kernel).kernel == Kernel.complete().durable)
  }

  @Test func theUsersOfKernelsAreKept() throws {
    var kernel = Kernel.bare()
    for first: UInt32 in [1_000_000, 65_536, 4_294_901_759] {
      kernel.specification.hardening.firstUser = first
      #expect(try roundTrip(kernel).kernel == kernel)
      #expect(kernel.user?.id == first + 1)
    }
  }

  static let mistakes: [(String, JSON, String)] = [
    ("uuid", "kernel-1", "uuid 'kernel-1' is none"), ("uuid", 1, "uuid is no string"), ("port", 0, "port 0"),
    ("port", 65_532, "port 65532"), ("port", -1, "port is no count"), ("port", "9555", "port is no count"),
    ("generation", 9_223_372_036_854_775_807, "generation is no count"), ("serial", nil, "serial is no count"),
    ("status", "gone", "status"), ("key", nil, "key is no string"), ("kernelspec", [], "kernelspec is no string"),
    // Else it would start as the host's user.
    ("hardening", ["first_user": 0], "first_user 0"), ("hardening", ["first_user": -1], "first_user -1"),
    ("hardening", ["first_user": 4_294_901_760], "first_user 4294901760"),
    ("hardening", ["first_user": "1000000"], "first_user"), ("hardening", ["first_user": true], "first_user"),
  ]

  @Test(arguments: mistakes) func mistakesAreNamed(_ mistake: (member: String, value: JSON, why: String)) throws {
    var document = KernelDocument.encode(.complete(), backoff: nil, bootID: "")
    document[mistake.member] = mistake.value
    let error = try #require(throws: KernelDocumentError.self) { try KernelDocument.decode(document) }
    #expect(error.description.contains(mistake.why))
  }

  @Test(arguments: [JSON.null, [], "text", [:]]) func noDocument(_ json: JSON) {
    #expect(throws: KernelDocumentError.self) { try KernelDocument.decode(json) }
  }
}
