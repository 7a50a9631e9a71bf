// What happens to a fleet while clients use it: its host is killed, kernels and shims are, disks and descriptors run out,
// processes cannot be started, the wall clock jumps.
import Foundation
import Glibc

struct Chaos: Sendable {
  let fleet: FaultFleet
  let ledger: Ledger

  /// Kills the host so many times, with other things in between; returns with a host that runs.
  func run(kills: Int, _ seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    while ledger.counts.hostsKilled < kills {
      let before = ledger.progress
      let wanted = 2 + random.below(8)
      try trouble(&random)
      // Something must have been achieved since the last time, or nothing is under fire; a fleet in trouble may be slow.
      let deadline = ContinuousClock.now + .seconds(3)
      while ledger.progress < before + wanted, ContinuousClock.now < deadline {
        if let end = fleet.hasEnded() { throw Problem("the host ended by itself: \(end)\n\(fleet.log(lines: 20))") }
        usleep(5000)
      }
      ledger.count { $0.hostsKilled += 1 }
      try fleet.killHost()
      // What a host could not write is lost with it, and the next one begins with what there is.
      calm()
      try fleet.up()
    }
    calm()
  }

  private func calm() {
    fleet.page.disarm()
    fleet.page.failSpawns(nil)
    fleet.page.moveClock(bySeconds: 0)
  }

  private func trouble(_ random: inout SeededRandom) throws {
    switch random.below(8) {
    case 0, 1:
      guard let pid = anyProcess(.kernel, &random) else { return }
      ledger.condemn(pid)
      kill(pid, SIGKILL)
      ledger.count { $0.kernelsKilled += 1 }
    case 2:
      guard let row = try? fleet.rows().filter(\.answers).randomElement(using: &random) else { return }
      ledger.condemn(row.pid)
      kill(row.shim, SIGKILL)
      ledger.count { $0.shimsKilled += 1 }
    case 3:
      guard let pid = anyProcess(.kernel, &random) else { return }
      // It goes on when somebody else was served, or a second later.
      kill(pid, SIGSTOP)
      ledger.count { $0.frozen += 1 }
      usleep(300_000)
      kill(pid, SIGCONT)
    case 4:
      fleet.page.failSpawns(EAGAIN)
      ledger.count { $0.spawnsFailed += 1 }
    case 5:
      fleet.page.arm(.failOn(ENOSPC), at: 1, kinds: .growing)
      ledger.count { $0.fullDisks += 1 }
    case 6:
      fleet.page.moveClock(bySeconds: random.one(in: 2) ? 3600 : -3600)
      ledger.count { $0.clockJumps += 1 }
    default: try fewDescriptors()
    }
  }

  /// Three more than it has, for the rest of this host's life.
  private func fewDescriptors() throws {
    try fleet.limitDescriptors(toMore: 3)
    ledger.count { $0.fewDescriptors += 1 }
  }

  private func anyProcess(_ role: FleetProcess.Role, _ random: inout SeededRandom) -> Int32? {
    FleetProcess.all(of: fleet.home).filter { $0.role == role }.randomElement(using: &random)?.pid
  }
}
