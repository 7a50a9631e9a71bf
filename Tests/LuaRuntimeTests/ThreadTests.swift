// Threads, events and alarms, which those who run states on threads of their own need.

import LuaRuntime
import Synchronization
import Testing

@Suite struct ThreadTests {
  @Test func eventsAreRemembered() throws {
    let ping = LuaEvent(), pong = LuaEvent()
    try LuaThread.start(name: "a-name-that-is-longer-than-fifteen-bytes") {
      for _ in 0..<1000 {
        ping.wait()
        pong.signal()
      }
    }
    for _ in 0..<1000 {
      ping.signal()
      pong.wait()
    }
    pong.signal()
    pong.signal()
    pong.wait()
  }

  @Test func alarmsRingOnceAndNotEarly() throws {
    let rung = LuaEvent()
    let alarm = try LuaAlarm { rung.signal() }
    for _ in 0..<20 {
      let moment = luaNow() + 500_000
      alarm.set(moment)
      rung.wait()
      #expect(luaNow() >= moment)
    }
  }

  @Test func alarmsCanBeTurnedOffAndReplaced() throws {
    let rung = Mutex(0)
    let done = LuaEvent()
    let never = try LuaAlarm { rung.withLock { $0 += 1 } }
    let later = try LuaAlarm { done.signal() }
    never.set(luaNow() + 60_000_000_000)
    never.set(nil)
    later.set(luaNow() + 60_000_000_000)
    later.set(luaNow() + 3_000_000)
    done.wait()
    #expect(rung.withLock { $0 } == 0)
  }

  @Test func anAlarmMayReleaseItself() throws {
    let done = LuaEvent()
    try Owner(done).start()
    done.wait()
    let other = try LuaAlarm { done.signal() }
    other.set(luaNow())
    done.wait()
  }

  /// Owns an alarm and is owned by nobody else than what the alarm calls.
  private final class Owner: Sendable {
    private let alarm = Mutex<LuaAlarm?>(nil)
    private let done: LuaEvent

    init(_ done: LuaEvent) { self.done = done }

    func start() throws {
      let alarm = try LuaAlarm { self.finish() }
      self.alarm.withLock { $0 = alarm }
      alarm.set(luaNow() + 1_000_000)
    }

    private func finish() {
      alarm.withLock { $0 = nil }
      done.signal()
    }
  }
}
