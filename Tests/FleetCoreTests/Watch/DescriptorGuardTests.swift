// libdispatch, in a process that can open nothing any more.
import Dispatch
import Foundation
import Testing

@testable import FleetCore

@Suite struct DescriptorGuardTests {
  /// More to do than there are threads, for longer than the second after which libdispatch looks at its threads.
  private static func workWithoutDescriptors() {
    var limit = rlimit()
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    getrlimit(resource, &limit)
    // It has been used, so that its own descriptors are there.
    DispatchQueue.global().sync {}
    let done = DispatchSemaphore(value: 0)
    DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(1)) { done.signal() }
    done.wait()
    limit.rlim_cur = 0
    setrlimit(resource, &limit)
    let isFull = open("/dev/null", O_RDONLY) < 0 && errno == EMFILE
    for _ in 0..<1000 { DispatchQueue.global().async { usleep(20_000) } }
    usleep(2_500_000)
    exit(isFull ? 0 : 1)
  }

  @Test func aProcessWithoutDescriptorsGoesOn() async {
    await #expect(processExitsWith: .success) { Self.workWithoutDescriptors() }
  }
}
