// libdispatch, in a process that can open nothing any more.
import Dispatch
import Foundation
import Testing

@testable import FleetCore

@Suite struct DescriptorGuardTests {
  /// More to do than there are threads, of which each waits, until libdispatch has looked at them: then it adds one.
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
    let (begun, never) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    for _ in 0..<1000 {
      DispatchQueue.global().async {
        begun.signal()
        never.wait()
      }
    }
    for _ in 0...ProcessInfo.processInfo.activeProcessorCount where begun.wait(timeout: .now() + 60) == .timedOut {
      exit(2)
    }
    exit(isFull ? 0 : 1)
  }

  @Test func aProcessWithoutDescriptorsGoesOn() async {
    await #expect(processExitsWith: .success) { Self.workWithoutDescriptors() }
  }
}
