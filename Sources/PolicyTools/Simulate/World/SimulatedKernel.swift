// A kernel's process in a simulation: it starts, executes one request after the other, uses memory and time, and ends.
import FleetEngine

final class SimulatedKernel {
  let id: KernelID
  /// The order of spawning, from 1.
  let serial: Int
  let generation: Int
  let specification: Specification
  let model: KernelModel
  let pid: Int32
  let launchedAt: Int64
  var random: Randomness

  /// It has answered, or would if it were asked.
  var isReady = false
  var readyAt: Int64 = 0
  var isProbed = false
  var isHung = false
  var hasEnded = false
  /// Somebody asked for its end.
  var isCondemned = false

  /// Sessions that are connected, and their requests in the order in which they came.
  var clients: Set<Int> = []
  var queue = FIFO<Request>()
  /// Counts executions, so that the end of one that was interrupted by a fault is told apart.
  var executions = 0
  var isExecuting = false
  var executionBegan: Int64 = 0
  var current: Request?
  /// It hung when its execution would have ended.
  var isOverdue = false

  /// Executions take so many times as long, or exactly as the distribution says.
  var slowness = 1.0
  var slowService: Distribution?
  /// Ends of slowness that were planned; only the last counts.
  var slowings = 0

  let baseMemory: Double
  /// Executing since the last sample, in nanoseconds.
  var busySinceSample: Int64 = 0
  var sampledAt: Int64
  var lastSample: Sample?

  struct Request {
    var session: Int
    /// Of its session.
    var number: Int
    /// Seconds on a kernel of usual speed.
    var service: Double
  }

  init(_ kernel: Kernel, _ model: KernelModel, pid: Int32, now: Int64, random: Randomness) {
    id = kernel.id
    serial = kernel.serial
    generation = kernel.generation
    specification = kernel.specification
    self.model = model
    self.pid = pid
    self.random = random
    launchedAt = now
    sampledAt = now
    slowness = model.slowness
    baseMemory = model.memory.sample(&self.random)
  }

  var process: Process { Process(shim: pid, kernel: pid + 1, startedAt: 0) }

  /// Resident bytes now, in whole MiB.
  func memory(_ now: Int64) -> Int64 {
    let hours = Double(now - launchedAt) / 3.6e12
    let bytes =
      baseMemory + model.memoryPerClient * Double(clients.count) + model.memoryPerExecution * Double(executions)
      + model.memoryLeak * hours
    return (Int64(bytes) >> 20) << 20
  }

  /// What it used since the last time; nil if that is what it used before.
  func sample(_ now: Int64) -> Sample? {
    if isExecuting {
      busySinceSample += now - max(executionBegan, sampledAt)
    }
    let span = max(1, now - sampledAt)
    let share = Double(busySinceSample) / Double(span)
    let cpu = model.cpu * share + model.idleCPU * (1 - share)
    let sample = Sample(memory: memory(now), cpu: (cpu * 10).rounded() / 10, threads: 1)
    busySinceSample = 0
    sampledAt = now
    if sample == lastSample { return nil }
    lastSample = sample
    return sample
  }
}

/// First in, first out.
struct FIFO<Element> {
  private var elements: [Element] = []
  private var start = 0

  var isEmpty: Bool { start == elements.count }
  var count: Int { elements.count - start }

  mutating func append(_ element: Element) { elements.append(element) }

  mutating func popFirst() -> Element? {
    guard start < elements.count else { return nil }
    defer {
      start += 1
      if start > 64, start * 2 > elements.count {
        elements.removeFirst(start)
        start = 0
      }
    }
    return elements[start]
  }

  mutating func removeAll() {
    elements.removeAll(keepingCapacity: true)
    start = 0
  }
}
