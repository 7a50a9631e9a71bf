// Ids and names: what is one, and what it finds.
import FleetEngine
import Testing

struct NamesTests {
  @Test(arguments: [
    "", "1a2b3c4d", "1a2b3c4d-0000-4000-8000-00000000000", "1a2b3c4d-0000-4000-8000-0000000000000",
    "1a2b3c4g-0000-4000-8000-000000000000", "1a2b3c4d_0000-4000-8000-000000000000",
    "1a2b3c4d-0000-4000-8000-00000000000é", "-1a2b3c4d-0000-4000-8000-000000000000",
    "1a2b3c4d-0000-4000-8000-00000000０", "../../../../etc/passwd",
  ])
  func noUUIDs(text: String) { #expect(KernelID(uuid: text) == nil) }

  @Test func anIdIsLowerCaseAndShort() {
    let id = KernelID(uuid: "1A2B3C4D-0000-4000-8000-00000000000F")
    #expect(id?.description == "kernel-1a2b3c4d")
    #expect(id?.uuid == "1a2b3c4d-0000-4000-8000-00000000000f")
  }

  @Test(arguments: ["a", "Alice", "a.b-c_d", "kernel-1", "kernel-1a2b3c4", "kernel-1a2b3c4dx", "kernel-1a2b3c4g"])
  func names(name: String) { #expect(KernelName.problem(with: name) == nil) }

  @Test func noNames() {
    let names = [
      "", "1a", "-a", ".", "..", "a/b", "a b", "é", "a\n", "a\0", "kernel-1a2b3c4d", "kernel-1A2B3C4D",
      "abcdef12-0000-4000-8000-000000000000", String(repeating: "a", count: 64), "a\u{301}",
    ]
    let fleet = Harness()
    for name in names {
      let (_, ticket) = fleet.spawn(.lua(name: name))
      #expect(fleet.code(ticket) == .badRequest, "\(name.debugDescription)")
    }
    #expect(fleet.engine.kernels.isEmpty)
    #expect(fleet.engine.totalSpawned == 0)
  }

  @Test func aNameIsTakenWhileItsKernelIsThere() {
    let fleet = Harness()
    let id = fleet.idleKernel(.lua(name: "alice"))
    fleet.exited(id, ExitInfo(code: 0))
    let (_, ticket) = fleet.spawn(.lua(name: "alice"))
    #expect(fleet.code(ticket) == .nameTaken)
    #expect(fleet.message(ticket)?.contains("\(id) (exited)") == true)
    _ = fleet.command(.cleanup)
    let (again, _) = fleet.spawn(.lua(name: "alice"))
    #expect(fleet.status(again) == .starting)
  }

  @Test func aNameIsFreeAfterAFailedStart() {
    let fleet = Harness()
    let (id, _) = fleet.spawn(.lua(name: "alice"))
    fleet.send(.launchFailed(id, generation: 1, LaunchFailure(reason: "no memory")))
    let (again, _) = fleet.spawn(.lua(name: "alice"))
    #expect(fleet.status(again) == .starting)
  }

  @Test func idsThatClashAreRefused() {
    let fleet = Harness()
    let id = fleet.idleKernel()
    guard let twin = KernelID(uuid: id.uuid.dropLast() + "1") else {
      Issue.record("no UUID")
      return
    }
    for clash in [id, twin] {
      let ticket = fleet.command(.spawn(NewKernel(id: clash, key: "", specification: .lua)))
      #expect(fleet.code(ticket) == .nameTaken)
    }
    #expect(fleet.engine.kernels.count == 1)
  }

  @Test func kernelsAreFoundByAnyOfTheirNames() {
    let fleet = Harness()
    let id = fleet.idleKernel(.lua(name: "alice"))
    for reference in [id.description, id.uuid, id.uuid.uppercased(), "alice", "9555"] {
      #expect(fleet.engine.kernel(named: reference)?.id == id)
    }
    for reference in ["", "Alice", "9556", "+9555", "09555", KernelID.number(99).uuid, "kernel-00000063"] {
      #expect(fleet.engine.kernel(named: reference) == nil)
    }
  }
}
