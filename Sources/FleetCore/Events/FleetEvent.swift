// What `GET /events` tells of: one thing that happened, with an id that goes on across restarts of the host.
import FleetEngine
import JSON

public struct FleetEvent: Sendable, Hashable {
  public var id: ID
  /// Milliseconds since 1970.
  public var time: Int64
  public var kind: Kind
  /// The kernel that it is about; nil for the whole fleet.
  public var kernel: KernelID?
  /// What that kernel was called then.
  public var name: String?
  /// Whose it is; nil for the host's own.
  public var owner: String?
  public var detail: String

  /// `RUN-NUMBER`: the run of a host, and a number that counts up within it. Ids sort as things happened.
  public struct ID: Sendable, Hashable, Comparable, LosslessStringConvertible {
    /// Milliseconds since 1970 when the host started, or one more than the run before if the clock went back.
    public var run: Int64
    public var number: Int64

    public init(run: Int64, number: Int64) {
      self.run = run
      self.number = number
    }

    /// Nil unless the text is two decimal numbers with a hyphen between them.
    public init?(_ text: String) {
      let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
      guard parts.count == 2, parts.allSatisfy({ $0.allSatisfy { (0x30...0x39).contains($0) } }),
        let run = Int64(Substring(parts[0])), let number = Int64(Substring(parts[1]))
      else { return nil }
      self.init(run: run, number: number)
    }

    public var description: String { "\(run)-\(number)" }

    public static func < (a: ID, b: ID) -> Bool { (a.run, a.number) < (b.run, b.number) }
  }

  public enum Kind: String, Sendable, Hashable, CaseIterable {
    case spawned, ready, died, restarting, restarted, failed, stopping, stopped, unhealthy, recovered, adopted
    case routed, storage, removed, claimed, draining, undrained, scaled, alerted
    /// States, which come and go quickly: only told while the host runs.
    case busy, idle
    /// What `admit` and `route` made of requests: `GET /decisions` has them for longer.
    case admitted, refused

    init(_ name: Note.Name) {
      self =
        switch name {
        case .spawned: .spawned
        case .ready: .ready
        case .died: .died
        case .restarting: .restarting
        case .restarted: .restarted
        case .failed: .failed
        case .stopping: .stopping
        case .stopped: .stopped
        case .unhealthy: .unhealthy
        case .recovered: .recovered
        case .adopted: .adopted
        case .routed: .routed
        case .storage: .storage
        case .removed: .removed
        case .claimed: .claimed
        case .draining: .draining
        case .undrained: .undrained
        case .scaled: .scaled
        case .alert: .alerted
        }
    }

    /// The note of the registry that it is told from; nil if there is none.
    var stored: Note.Name? { self == .alerted ? .alert : Note.Name(rawValue: rawValue) }

    var isActivity: Bool { self == .busy || self == .idle }
  }

  /// The document of an event.
  public var json: JSON {
    [
      "id": .string(id.description), "time": .string(KernelView.text(ofMilliseconds: time)),
      "type": .string(kind.rawValue), "kernel": JSON(kernel?.description), "name": JSON(name), "owner": JSON(owner),
      "detail": .string(detail),
    ]
  }
}

/// Which events somebody wants, or may see.
public struct EventFilter: Sendable, Hashable {
  public var kernel: Subject?
  /// Nil: all.
  public var kinds: Set<FleetEvent.Kind>?
  /// Only those of this owner's kernels and requests; nil: all.
  public var owner: String?

  /// A kernel that may be gone: of those only the events tell.
  public enum Subject: Sendable, Hashable {
    case known(KernelID)
    /// `kernel-1a2b3c4d`
    case called(String)
  }

  public init(kernel: Subject? = nil, kinds: Set<FleetEvent.Kind>? = nil, owner: String? = nil) {
    self.kernel = kernel
    self.kinds = kinds
    self.owner = owner
  }

  func accepts(_ event: FleetEvent) -> Bool {
    if let kinds, !kinds.contains(event.kind) { return false }
    if let owner, event.owner != owner { return false }
    switch kernel {
    case nil: return true
    case .known(let id): return event.kernel == id
    case .called(let id): return event.kernel?.description == id
    }
  }
}
