// The kernels of one pool by what can be done with them, so that nothing looks at all of them for each event.

/// What a kernel of a pool is good for.
enum Place: Int, Sendable, CaseIterable {
  /// Not answering yet: waited for by nobody, or by somebody.
  case starting, promised
  /// With a client, taken, or busy.
  case used
  /// Nobody has it: nobody ever had it, or somebody had it once.
  case fresh, stale
  /// Crashed, and nobody's; it comes back.
  case waiting
  /// Hung or not to be told, and nobody's.
  case lame
  /// Being retired; ending.
  case draining, leaving
  /// Without a process: nobody's, or somebody's, who is to see why.
  case dead, kept

  init(_ kernel: Kernel) {
    let isTaken = kernel.isClaimed || kernel.clients > 0
    switch kernel.status {
    case .exited, .failed: self = kernel.isClaimed ? .kept : .dead
    case .stopping: self = kernel.afterStop == .restart ? .promised : .leaving
    case _ where kernel.isDraining: self = .draining
    case .unknown: self = .lame
    case .backoff: self = kernel.isClaimed ? .used : .waiting
    case .starting: self = isTaken ? .promised : .starting
    case .unhealthy: self = isTaken ? .used : .lame
    case .busy: self = .used
    case .idle: self = isTaken ? .used : kernel.wasUsed ? .stale : .fresh
    }
  }
}

struct PoolRoster: Sendable {
  private struct Entry: Sendable {
    let serial: Int
    let id: KernelID
  }

  /// By place; each in the order of spawning.
  private var entries: [[Entry]] = Place.allCases.map { _ in [] }
  private var places: [KernelID: Place] = [:]

  /// In the order of spawning.
  func ids(_ place: Place) -> [KernelID] { entries[place.rawValue].map(\.id) }

  func first(_ place: Place, where isRight: (KernelID) -> Bool) -> KernelID? {
    entries[place.rawValue].first { isRight($0.id) }?.id
  }

  subscript(place: Place) -> Int { entries[place.rawValue].count }

  /// False if nothing changed.
  mutating func put(_ kernel: Kernel) -> Bool {
    let place = Place(kernel)
    if places[kernel.id] == place { return false }
    remove(kernel.id, serial: kernel.serial)
    places[kernel.id] = place
    let index = position(of: kernel.serial, in: place)
    entries[place.rawValue].insert(Entry(serial: kernel.serial, id: kernel.id), at: index)
    return true
  }

  mutating func remove(_ id: KernelID, serial: Int) {
    guard let place = places.removeValue(forKey: id) else { return }
    entries[place.rawValue].remove(at: position(of: serial, in: place))
  }

  private func position(of serial: Int, in place: Place) -> Int {
    let list = entries[place.rawValue]
    var (low, high) = (0, list.count)
    while low < high {
      let middle = (low + high) / 2
      if list[middle].serial < serial { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// `PoolView.kernels`.
  var kernels: Int { self[.starting] + self[.promised] + self[.used] + self[.fresh] + self[.stale] + self[.waiting] }
  var inUse: Int { self[.promised] + self[.used] }
  /// Warm, or about to be.
  var ready: Int { self[.starting] + self[.fresh] }
  /// What counts against the maximum: whatever has, or may get, a process.
  var occupied: Int { kernels + self[.lame] + self[.draining] + self[.leaving] }
}
