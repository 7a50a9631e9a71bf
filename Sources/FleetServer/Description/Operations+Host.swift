// The host itself, its policies, what it decided, and what happens.
import FleetCore
import FleetEngine
import JSON

extension APIDescription {
  static let hostOperations: [Operation] = [
    Operation(
      "GET", "/health", "getHealth", "host", "Whether the host lives; with a token also how it is.",
      answers: [.json(Schema.ref("Health"), "It lives.")]),
    Operation(
      "GET", "/status", "getStatus", "host", "How the host is, its policies, and the configuration in force.",
      answers: [.json(Schema.ref("Status"), "The host.")]),
    Operation(
      "GET", "/registry", "getRegistry", "host", "The kernels as registry.json has them.",
      answers: [.json(Schema.ref("Registry"), "What is durable.")]),
    Operation(
      "POST", "/cleanup", "cleanUp", "host", "Remove dead kernels and stale files, never live ones.",
      answers: [
        .json(
          Schema.object([
            "removed": Schema.list(Schema.object(["id": Schema.string, "files": Schema.list(Schema.string)]))
          ]), "What was removed.")
      ], errors: [.storage]),
    Operation(
      "POST", "/shutdown", "shutDown", "host", "End the host; its kernels go on unless told.",
      [.init(name: "kernels", about: "Stop the kernels, too.", schema: Schema.flag)],
      answers: [.json(Schema.object(["status": Schema.one(of: ["stopping"])]), status: 202, "It is about to end.")]),
    Operation(
      "GET", "/openapi.json", "getDescription", "host", "This description.",
      answers: [.json(["type": "object"], "An OpenAPI document.")]),
    Operation(
      "GET", "/events", "followEvents", "events",
      "What happens, as server-sent events; or, if JSON is accepted, a page of what happened.",
      [
        .init(
          name: "type", about: "Only these, separated by commas.",
          schema: Schema.some(of: kinds), isRepeated: true),
        .text("kernel", "Only those of a kernel, by any of its names; of one that is gone by id or UUID."),
        .init(name: "after", about: "The event that was seen last: what followed it is told.", schema: eventID),
        .init(
          name: "Last-Event-ID", place: .header, about: "The same, as browsers say it when they connect again.",
          schema: lastEventID),
        .limit(1000, least: 0, default: 100),
      ],
      answers: [
        .init(
          status: 200, about: "A stream that ends with the host; a comment every 15 s shows that it lives.",
          content: [("application/json", Schema.ref("EventPage")), ("text/event-stream", Schema.string)])
      ], errors: [.kernelNotFound, .limit, .storage]),
    Operation(
      "GET", "/trace", "getTrace", "decisions", "Everything that was recorded in a stretch of time.",
      [time("from"), time("to")],
      answers: [.json(Schema.ref("Trace"), "What it takes to ask every question again.")]),
    Operation(
      "GET", "/decisions", "listDecisions", "decisions", "What was decided, the newest first.",
      [
        .limit(10_000, least: 0, default: 20),
        .init(
          name: "entry", about: "Only those of one entry point.",
          schema: Schema.one(of: EntryPoint.allCases.map(\.rawValue))),
        .text("kernel", "Only those about a kernel; one that is gone by its UUID."), time("since"),
        .init(name: "after", about: "The `next` of the page before.", schema: decisionID),
      ],
      answers: [
        .json(
          Schema.object(["decisions": Schema.list(Schema.ref("Decision")), "next": Schema.maybe(Schema.string)]),
          "A page of decisions.")
      ], errors: [.kernelNotFound, .decisionNotFound, .storage]),
    Operation(
      "GET", "/decisions/{decision}", "getDecision", "decisions", "One decision, with what its policy saw.",
      [
        .init(
          name: "decision", place: .path, about: "RUN-NUMBER.", schema: decisionID, isRequired: true)
      ],
      answers: [.json(Schema.ref("DecisionDetail"), "The decision.")], errors: [.decisionNotFound, .storage]),
    Operation(
      "GET", "/policies", "listPolicies", "policies", "The policies in use, and how they fare.",
      answers: [.json(Schema.object(["policies": Schema.list(Schema.ref("Policy"))]), "The policies.")]),
    Operation(
      "POST", "/policies/reload", "reloadPolicies", "policies", "Load a policy again, or all of them.",
      body: .init(
        schema: Schema.input(["path": Schema.text(most: 4096)]), example: [:]),
      answers: [
        .json(
          Schema.object([
            "policies": Schema.list(Schema.object(["path": Schema.string, "problem": Schema.maybe(Schema.string)]))
          ]), "The files, and what is wrong with them.")
      ]),
    Operation(
      "GET", "/pools", "listPools", "pools", "The pools: how many kernels each has and should have, and why.",
      answers: [.json(Schema.object(["pools": Schema.list(Schema.ref("Pool"))]), "The pools.")]),
    Operation(
      "GET", "/alerts", "listAlerts", "alerts", "Alerts that are pending, fire, or were resolved lately.",
      answers: [.json(Schema.object(["alerts": Schema.list(Schema.ref("Alert"))]), "The alerts.")]),
    Operation(
      "GET", "/silences", "listSilences", "alerts", "Of which alerts nobody is told, and until when.",
      answers: [.json(Schema.object(["silences": Schema.list(Schema.ref("Silence"))]), "The silences.")]),
    Operation(
      "POST", "/silences", "silenceAlerts", "alerts", "Tell nobody of certain alerts for a while.",
      body: .init(
        schema: Schema.ref("SilenceRequest"), isRequired: true,
        example: ["alert": "HighMemory", "duration_seconds": 7200, "comment": "a known leak; issue 12"]),
      answers: [.json(Schema.object(["silence": Schema.ref("Silence")]), status: 201, "It is in force.")],
      errors: [.kernelNotFound, .limit, .storage]),
    Operation(
      "DELETE", "/silences/{silence}", "endSilence", "alerts", "End a silence before its time.",
      [
        .init(
          name: "silence", place: .path, about: "Its id.", schema: Schema.text(most: 64, least: 1), isRequired: true)
      ],
      answers: [.json(Schema.object(["silence": Schema.ref("Silence")]), "It is gone.")],
      errors: [.silenceNotFound, .storage]),
  ]

  private static let kinds = FleetEvent.Kind.allCases.map(\.rawValue).sorted()
  private static let eventID: JSON = [
    "type": "string", "pattern": "^[0-9]{1,18}-[0-9]{1,18}$",
    "description": "the id of an event, such as 1764234438123-17",
  ]
  /// A browser that has seen nothing yet says so by an empty header.
  private static let lastEventID: JSON = ["type": "string", "pattern": "^([0-9]{1,18}-[0-9]{1,18})?$"]
  private static let decisionID: JSON = ["type": "string", "pattern": "^[0-9]{1,18}-[0-9]{1,18}$"]

  private static func time(_ name: String) -> Operation.Parameter {
    .init(
      name: name, about: "Seconds since 1970, or RFC 3339.",
      schema: ["anyOf": [Schema.number(0...9_999_999_999), Schema.time]])
  }
}
