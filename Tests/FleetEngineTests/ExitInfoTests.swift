// What people are told of an end.
import FleetEngine
import Testing

@Suite struct ExitInfoTests {
  private static let limits = Limits(memory: 64 << 20, fileSize: 64 << 10)

  @Test(arguments: [
    (ExitInfo(code: 3), "exited with code 3"), (ExitInfo(signal: 11), "killed by SIGSEGV"),
    (ExitInfo(signal: 9, outOfMemory: true, limit: .memory), "out of memory: its limit of 64 MiB"),
    (ExitInfo(signal: 9, outOfMemory: true), "out of memory: its limit of 64 MiB"),
    (ExitInfo(signal: 9, outOfMemory: true, limit: .machineMemory), "out of memory: of the machine"),
    (
      ExitInfo(signal: 25, limit: .fileSize),
      "killed by SIGXFSZ: it wrote a file larger than its limit of 64 KiB"
    ),
    (ExitInfo(signal: 24, limit: .cpuTime), "killed by SIGXCPU: its limit of processor time"),
    (ExitInfo(code: 0, isIdle: true), "ended by itself: nobody had used it for as long as its idle time-out"),
    (ExitInfo(signal: 9, isUnseen: true), "killed by SIGKILL, while no host ran"),
    (ExitInfo(isLost: true), "ended, and left no record of how (its shim was killed, and the kernel with it)"),
  ]) func reasons(_ info: ExitInfo, _ words: String) { #expect(info.reason(limits: Self.limits) == words) }

  @Test func withoutALimitItIsSomebodyElses() {
    #expect(ExitInfo(signal: 9, outOfMemory: true).reason(limits: Limits()) == "out of memory: of the machine")
    #expect(
      ExitInfo(signal: 25, limit: .fileSize).reason(limits: Limits())
        == "killed by SIGXFSZ: it wrote a file larger than it may")
  }
}
