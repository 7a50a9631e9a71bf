// What the host records and watches: decisions, policies, pools, alerts.
import FleetEngine
import JSON

extension APIDescription {
  private static let decision: [String: JSON] = [
    "id": Schema.string, "entry": Schema.one(of: EntryPoint.allCases.map(\.rawValue)),
    "policy": Schema.maybe(Schema.string), "hash": Schema.maybe(Schema.string), "about": Schema.string,
    "answer": Schema.string, "reason": Schema.string, "clamps": Schema.list(Schema.string), "fallback": Schema.bool,
    "error": Schema.maybe(Schema.string), "duration_us": Schema.number, "spawned": Schema.bool,
    "kernel": Schema.maybe(Schema.string), "time": Schema.time,
  ]

  static let recordSchemas: [String: JSON] = [
    "Decision": Schema.object(decision, optional: ["time"], about: "`POST /find` tells it without `time`."),
    "DecisionDetail": Schema.object([
      "decision": Schema.object(
        decision.merging([
          "question": ["type": "object"], "now": Schema.number, "seed": Schema.string,
          "policy_answer": Schema.anything, "policy_reason": Schema.maybe(Schema.string), "outcome": Schema.anything,
        ]) { _, new in new }),
      "rows": Schema.list(["type": "object"]), "rows_total": Schema.count, "rows_relevant": Schema.count,
    ]),
    "Trace": Schema.object(
      [
        "format": Schema.string, "rows": Schema.list(["type": "object"]), "entries": Schema.list(["type": "object"]),
      ], about: "docs/http.md tells more."),
    "Policy": Schema.object([
      "entry": Schema.string, "path": Schema.string, "hash": Schema.string, "state": Schema.string,
      "calls": Schema.count, "fallbacks": Schema.count, "last_error": Schema.maybe(Schema.string),
      "shadow": Schema.bool, "loaded_at": Schema.maybe(Schema.time), "file_problem": Schema.maybe(Schema.string),
      "p50_us": Schema.maybe(Schema.number), "p99_us": Schema.maybe(Schema.number),
      "disagreements": Schema.maybe(Schema.count), "disagreement_rate": Schema.maybe(Schema.number),
      "last_disagreement": Schema.maybe(Schema.string),
    ]),
    "Pool": Schema.object([
      "name": Schema.string, "min": Schema.count, "max": Schema.count, "warm": Schema.count, "kernels": Schema.count,
      "starting": Schema.count, "used": Schema.count, "free": Schema.count, "draining": Schema.count,
      "waiting": Schema.count, "claimed": Schema.count, "wanted": Schema.count, "reason": Schema.string,
      "clamps": Schema.list(Schema.string), "problem": Schema.maybe(Schema.string),
      "retry_seconds": Schema.maybe(Schema.number),
    ]),
    "Alert": Schema.object([
      "name": Schema.string, "state": Schema.one(of: ["pending", "firing", "resolved"]), "severity": Schema.string,
      "summary": Schema.string, "value": Schema.maybe(Schema.number), "kernel": Schema.maybe(Schema.string),
      "labels": Schema.map(Schema.string), "source": Schema.string, "since": Schema.time,
      "fired_at": Schema.maybe(Schema.time), "resolved_at": Schema.maybe(Schema.time), "for_seconds": Schema.number,
      "keep_firing_for_seconds": Schema.number, "silenced_by": Schema.list(Schema.string),
    ]),
    "Silence": Schema.object([
      "id": Schema.string, "matchers": Schema.map(Schema.string), "created_at": Schema.time, "ends_at": Schema.time,
      "created_by": Schema.string, "comment": Schema.string,
    ]),
  ]
}
