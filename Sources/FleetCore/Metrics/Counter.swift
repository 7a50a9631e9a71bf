// A number that only grows, counted on any thread without a lock.
import Synchronization

/// A counter from 0 on.
public final class Counter: Sendable {
  private let count = Atomic<UInt64>(0)

  public init() {}

  public func increment(by amount: UInt64 = 1) { count.wrappingAdd(amount, ordering: .relaxed) }

  public var value: UInt64 { count.load(ordering: .relaxed) }
}

/// One counter for each value of a label. All of them exist from the start: a rate needs to see the zero before the one.
public struct LabelledCounter<Label: Hashable & Sendable & CaseIterable>: Sendable where Label.AllCases: Sendable {
  private let counters: [Label: Counter]

  public init() {
    counters = Dictionary(uniqueKeysWithValues: Label.allCases.map { ($0, Counter()) })
  }

  public func increment(_ label: Label) { counters[label]?.increment() }

  public func value(_ label: Label) -> UInt64 { counters[label]?.value ?? 0 }

  /// In the order of the labels' declaration.
  public var all: [(label: Label, value: UInt64)] { Label.allCases.map { ($0, value($0)) } }
}
