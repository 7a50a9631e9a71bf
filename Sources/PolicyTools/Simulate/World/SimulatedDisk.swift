// The registry of a simulated host: what a new host finds.
import FleetEngine

struct SimulatedDisk {
  private var rows: [KernelID: (kernel: Kernel, backoff: Duration?)] = [:]
  /// How the last launch of a kernel ended.
  private var exits: [KernelID: (generation: Int, info: ExitInfo)] = [:]

  mutating func write(_ changes: [RowChange]) {
    for change in changes {
      switch change {
      case .put(let kernel, let backoff): rows[kernel.id] = (kernel, backoff)
      case .remove(let id): rows[id] = nil
      }
    }
  }

  mutating func ended(_ kernel: SimulatedKernel, _ info: ExitInfo) {
    exits[kernel.id] = (kernel.generation, info)
  }

  mutating func forget(_ id: KernelID) { exits[id] = nil }

  var lastSerial: Int { rows.values.map(\.kernel.serial).max() ?? 0 }

  /// The rows, without what was only seen, and what became of their processes.
  func recovered(_ process: (Kernel) -> SimulatedKernel?) -> [Recovered] {
    rows.values.sorted { $0.kernel.serial < $1.kernel.serial }.map { row in
      let kernel = durable(row.kernel)
      let fate: Recovered.Fate
      if let process = process(kernel), process.generation == kernel.generation {
        fate = .running(process.process)
      } else if let exit = exits[kernel.id], exit.generation == kernel.generation {
        fate = .ended(exit.info)
      } else {
        fate = .absent
      }
      return Recovered(kernel: kernel, fate: fate, backoff: row.backoff)
    }
  }

  private func durable(_ kernel: Kernel) -> Kernel {
    var row = Kernel(
      id: kernel.id, serial: kernel.serial, specification: kernel.specification, key: kernel.key, port: kernel.port)
    row.generation = kernel.generation
    row.status = kernel.status
    row.restarts = kernel.restarts
    row.exit = kernel.exit
    row.sessions = kernel.sessions
    row.wasReady = kernel.wasReady
    row.afterStop = kernel.afterStop
    row.isClaimed = kernel.isClaimed
    row.wasUsed = kernel.wasUsed
    row.isDraining = kernel.isDraining
    return row
  }
}
