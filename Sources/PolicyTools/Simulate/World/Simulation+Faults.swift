// What goes wrong in a simulation, and when.
import FleetEngine

extension Simulation {
  func planFault(_ index: Int, first fault: Fault) {
    if fault.at > 0 || fault.every == nil {
      plan(.fault(index), in: fault.at)
    } else if let every = fault.every {
      plan(.fault(index), in: every.time(&faultRandom[index]))
    }
  }

  func beginFault(_ index: Int) {
    let fault = scenario.faults[index]
    guard now <= fault.until else { return }
    if let every = fault.every { plan(.fault(index), in: max(1_000_000, every.time(&faultRandom[index]))) }
    switch fault.kind {
    case .restartHost: killHost(for: fault.length)
    case .failStarts:
      failingStarts[index] = fault.share
      plan(.faultOver(index), in: fault.length)
    case .slowStarts:
      slowStarts[index] = fault.factor
      plan(.faultOver(index), in: fault.length)
    case .kill: for kernel in victims(index, fault) { end(kernel, fault.exit) }
    case .hang: for kernel in victims(index, fault) { hang(kernel, for: fault.length) }
    case .slow:
      for kernel in victims(index, fault) {
        kernel.slowings += 1
        kernel.slowService = fault.service
        kernel.slowness = kernel.model.slowness * fault.factor
        plan(.hastened(kernel.pid, kernel.slowings), in: fault.length)
      }
    }
  }

  func endFault(_ index: Int) {
    failingStarts[index] = nil
    slowStarts[index] = nil
  }

  private func victims(_ index: Int, _ fault: Fault) -> [SimulatedKernel] {
    let living = processes.values.filter { $0.isReady && !$0.isCondemned }.sorted { $0.serial < $1.serial }
    guard !living.isEmpty else { return [] }
    switch fault.target {
    case .all: return living
    case .any: return [living[faultRandom[index].below(living.count)]]
    case .number(let number): return living.filter { $0.serial == number }
    case .busiest:
      return living.max { ($0.clients.count, -$0.serial) < ($1.clients.count, -$1.serial) }.map { [$0] } ?? []
    }
  }
}
