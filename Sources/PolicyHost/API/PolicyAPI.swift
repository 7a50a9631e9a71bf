// What a policy finds: told once, for editors (`fleet.d.lua`), for `fleet policy check` and for people.

import FleetEngine

/// The declarations of what policies are given and what they answer, with types as lua-language-server writes them. A
/// test compares them with what the sandbox has.
public enum PolicyAPI {
  public struct Field: Sendable, Hashable {
    public let name: String
    /// Such as `integer?`.
    public let type: String
    public let doc: String
  }

  public struct Function: Sendable, Hashable {
    public struct Parameter: Sendable, Hashable {
      /// With a `?` if it may be left out.
      public let name: String
      public let type: String
    }

    public let name: String
    public let parameters: [Parameter]
    public let returns: [String]
    public let doc: String
    /// Calling it for anything but its result makes no sense.
    public let isPure: Bool

    init(_ name: String, _ parameters: [(String, String)] = [], _ returns: [String], isPure: Bool = true, _ doc: String)
    {
      self.name = name
      self.parameters = parameters.map { Parameter(name: $0.0, type: $0.1) }
      self.returns = returns
      self.doc = doc
      self.isPure = isPure
    }
  }

  /// Something with fields and methods.
  public struct Class: Sendable, Hashable {
    /// Such as `fleet.Kernel`.
    public let name: String
    public let doc: String
    public var fields: [Field] = []
    public var methods: [Function] = []
    /// A write to it is an error.
    public var isReadOnly = false
    /// Its methods are called with a dot, as functions of a library.
    public var callsWithDot = false

    public func field(_ name: String) -> Field? { fields.first { $0.name == name } }

    public func method(_ name: String) -> Function? { methods.first { $0.name == name } }

    /// All that can stand behind a dot or a colon.
    public var names: [String] { fields.map(\.name) + methods.map(\.name) }
  }

  /// A function that a policy file may return.
  public struct Entry: Sendable, Hashable {
    public let point: EntryPoint
    public let parameters: [Function.Parameter]
    /// The class of its answer; an array of it if `answersList`.
    public let answer: String
    public let answersList: Bool
    public let doc: String
  }

  static func fields(_ list: [(String, String, String)]) -> [Field] {
    list.map { Field(name: $0.0, type: $0.1, doc: $0.2) }
  }

  public static let classes: [Class] =
    [kernel, kernels, routeRequest, admitRequest, pool, exit, memory, map]
    + [routeAnswer, spawn, admitAnswer, limits, scaleAnswer, alertCondition, restartAnswer]

  public static func `class`(_ name: String) -> Class? { classesByName[name] }

  private static let classesByName = Dictionary(uniqueKeysWithValues: classes.map { ($0.name, $0) })

  public static func entry(_ point: EntryPoint) -> Entry {
    switch point {
    case .admit:
      entry(
        point, [("request", "fleet.AdmitRequest")], "fleet.AdmitAnswer",
        "May this kernel be started, and with which limits?")
    case .route:
      entry(point, [("request", "fleet.RouteRequest")], "fleet.RouteAnswer", "Which kernel does a client get?")
    case .scale: entry(point, [("pool", "fleet.Pool")], "fleet.ScaleAnswer", "How many kernels should a pool have?")
    case .alert:
      entry(point, [], "fleet.AlertCondition", list: true, "Which conditions hold that somebody should know of?")
    case .restart:
      entry(
        point, [("kernel", "fleet.Kernel"), ("exit", "fleet.Exit")], "fleet.RestartAnswer",
        "Is a crashed kernel started again, and when?")
    }
  }

  private static func entry(
    _ point: EntryPoint, _ given: [(String, String)], _ answer: String, list: Bool = false, _ doc: String
  ) -> Entry {
    Entry(
      point: point,
      parameters: (given + [("fleet", "fleet.Kernels")]).map { Function.Parameter(name: $0.0, type: $0.1) },
      answer: answer, answersList: list, doc: doc)
  }
}
