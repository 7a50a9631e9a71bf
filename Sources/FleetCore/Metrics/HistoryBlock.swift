// One row of the history: what all kernels used in one interval, as bytes.
import FleetEngine

/// A kernel's UUID as two numbers.
struct HistoryKey: Hashable, Sendable {
  var high: UInt64
  var low: UInt64

  init(_ id: KernelID) {
    let digits = id.uuid.utf8.filter { $0 != UInt8(ascii: "-") }
    func number(_ digits: ArraySlice<UInt8>) -> UInt64 {
      digits.reduce(0) { $0 << 4 | UInt64($1 < 0x3A ? $1 - 0x30 : $1 - 0x61 + 10) }
    }
    high = number(digits[..<16])
    low = number(digits[16...])
  }

  fileprivate init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// Whether an id begins like this: `kernel-` and eight digits name no more of it.
  func begins(with digits: UInt32) -> Bool { UInt32(truncatingIfNeeded: high >> 32) == digits }
}

/// What one kernel used on average in an interval.
struct HistoryEntry: Sendable, Hashable {
  var kernel: HistoryKey
  /// How many rounds saw it, of those that the interval had.
  var rounds: Int
  /// Resident bytes.
  var memory: Double
  /// Per cent of one core.
  var cpu: Double
  var connections: Double
  /// From 0 to 1: the share of the time in which it ran something.
  var busy: Double
}

/// Everything of one interval.
struct HistoryBlock: Sendable, Hashable {
  /// Rounds of measuring in it.
  var rounds = 0
  var entries: [HistoryEntry] = []

  /// Bytes of an entry: key, memory, cpu, connections, busy, rounds.
  static let entrySize = 16 + 3 * 4 + 2 * 2

  /// Averages, each weighted with its rounds: so that a sum over kernels is the same before and after.
  static func combined(_ blocks: [HistoryBlock]) -> HistoryBlock {
    if blocks.count == 1 { return blocks[0] }
    var sums: [HistoryKey: HistoryEntry] = [:]
    var order: [HistoryKey] = []
    for entry in blocks.flatMap(\.entries) {
      let weight = Double(entry.rounds)
      var sum = sums[entry.kernel]
      if sum == nil { order.append(entry.kernel) }
      sum = HistoryEntry(
        kernel: entry.kernel, rounds: (sum?.rounds ?? 0) + entry.rounds,
        memory: (sum?.memory ?? 0) + entry.memory * weight, cpu: (sum?.cpu ?? 0) + entry.cpu * weight,
        connections: (sum?.connections ?? 0) + entry.connections * weight,
        busy: (sum?.busy ?? 0) + entry.busy * weight)
      sums[entry.kernel] = sum
    }
    let entries = order.compactMap { sums[$0] }.map { sum in
      let weight = Double(max(1, sum.rounds))
      return HistoryEntry(
        kernel: sum.kernel, rounds: sum.rounds, memory: sum.memory / weight, cpu: sum.cpu / weight,
        connections: sum.connections / weight, busy: sum.busy / weight)
    }
    return HistoryBlock(rounds: blocks.map(\.rounds).reduce(0, +), entries: entries)
  }

  // MARK: Bytes, little-endian

  var encoded: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(entries.count * Self.entrySize)
    func append(_ value: some FixedWidthInteger) {
      withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
    for entry in entries {
      append(entry.kernel.high)
      append(entry.kernel.low)
      append(Float(entry.memory).bitPattern)
      append(Float(entry.cpu).bitPattern)
      append(Float(entry.connections).bitPattern)
      append(UInt16(min(max(entry.busy, 0), 1) * 65535))
      append(UInt16(clamping: entry.rounds))
    }
    return bytes
  }

  /// Nil if these are no entries: then the row is damaged.
  init?(rounds: Int, decoding bytes: some Collection<UInt8>) {
    guard bytes.count % Self.entrySize == 0, rounds > 0 else { return nil }
    self.rounds = rounds
    entries.reserveCapacity(bytes.count / Self.entrySize)
    let entries = Array(bytes).withUnsafeBytes { bytes in
      stride(from: 0, to: bytes.count, by: Self.entrySize).compactMap { Self.entry(bytes, at: $0) }
    }
    guard entries.count == bytes.count / Self.entrySize else { return nil }
    self.entries = entries
  }

  init(rounds: Int, entries: [HistoryEntry]) {
    self.rounds = rounds
    self.entries = entries
  }

  /// Nil if it holds what nothing can have measured.
  private static func entry(_ bytes: UnsafeRawBufferPointer, at start: Int) -> HistoryEntry? {
    func word<Word: FixedWidthInteger>(_ offset: Int, as type: Word.Type) -> Word {
      Word(littleEndian: bytes.loadUnaligned(fromByteOffset: start + offset, as: type))
    }
    func float(_ offset: Int) -> Double { Double(Float(bitPattern: word(offset, as: UInt32.self))) }
    let entry = HistoryEntry(
      kernel: HistoryKey(high: word(0, as: UInt64.self), low: word(8, as: UInt64.self)),
      rounds: Int(word(30, as: UInt16.self)), memory: float(16), cpu: float(20), connections: float(24),
      busy: Double(word(28, as: UInt16.self)) / 65535)
    let isSane = [entry.memory, entry.cpu, entry.connections].allSatisfy { $0.isFinite && $0 >= 0 }
    return isSane ? entry : nil
  }
}
