// What clients send.
import FleetConfiguration
import FleetCore
import FleetEngine
import JSON

extension APIDescription {
  /// A size: bytes, or a number with a unit.
  private static func size(least: Int) -> JSON {
    numberOrText(
      Schema.integer(least...(1 << 50)), ByteCount.pattern, "Bytes, or a number with K, M, G or T such as \"512M\".")
  }

  private static func count(_ least: Int) -> JSON {
    numberOrText(Schema.integer(least...Int(Int32.max)), "^[0-9]{1,10}$", "From \(least) to \(Int32.max).")
  }

  private static let share = numberOrText(
    Schema.number(0.01...4096), CPUShare.pattern, "0.5 or \"50%\" is half a core.")

  /// Limits may be texts, as command lines and people write them.
  private static func numberOrText(_ number: JSON, _ pattern: String, _ about: String) -> JSON {
    [
      "anyOf": [number, ["type": "string", "pattern": .string(pattern)], ["type": "null"]],
      "description": .string(about),
    ]
  }

  private static let spawn: [String: JSON] = [
    "config": Schema.plain(SpawnRequest.Most.config), "language": text, "kernelspec": text,
    "name": [
      "type": ["string", "null"], "pattern": .string(KernelName.pattern),
      "description": "Unique; a letter, then up to 62 letters, digits, '.', '_' and '-', and not like an id.",
    ],
    "port": ["anyOf": [Schema.integer(1...(65_536 - Ports.perKernel)), ["type": "null"]]],
    "memory_limit": size(least: 1 << 20), "memory": size(least: 1 << 20), "file_size": size(least: 64 << 10),
    "cpu_limit": share, "cpu": share,
    "nice": numberOrText(Schema.integer(-20...19), "^-?[0-9]{1,2}$", "From -20 to 19."),
    "processes": count(FleetEngine.Limits.leastProcesses), "open_files": count(FleetEngine.Limits.leastOpenFiles),
    "best_effort": ["type": ["boolean", "null"], "description": "Start it even if a limit cannot be enforced here."],
    "env_vars": Schema.variables,
    "labels": [
      "type": ["object", "null"], "maxProperties": JSON(SpawnRequest.Most.labels),
      "propertyNames": Schema.plainText(SpawnRequest.Most.labelName),
      "additionalProperties": Schema.plainText(SpawnRequest.Most.labelValue),
    ],
    "pool": text, "owner": text, "provider": text, "model": text, "session": text,
  ]

  private static let text = Schema.plain(SpawnRequest.Most.text)

  /// What a body refers to.
  static func requestSchema(_ name: String) -> JSON? { requestSchemas[name] ?? jupyterRequestSchemas[name] }

  static let requestSchemas: [String: JSON] = [
    "SpawnRequest": Schema.input(spawn),
    "FindRequest": Schema.input(spawn),
    "SilenceRequest": silence,
  ]

  /// Something must be named that is to be silenced.
  private static var silence: JSON {
    var schema = Schema.input(
      [
        "alert": ["type": "string", "maxLength": 200, "description": "The alert's name."],
        "kernel": ["type": "string", "maxLength": 200, "description": "Only those about this kernel."],
        "severity": ["type": "string", "maxLength": 64],
        "labels": [
          "type": "object", "maxProperties": 64, "minProperties": 1, "propertyNames": ["pattern": "^[^\\u0000]*$"],
          "additionalProperties": ["type": "string", "maxLength": 256],
        ],
        "duration_seconds": Schema.number(1...31_536_000),
        "comment": ["type": "string", "maxLength": 1000, "description": "Why."],
        "created_by": ["type": "string", "maxLength": 200],
      ], required: ["duration_seconds"])
    schema["anyOf"] = .array(["alert", "kernel", "severity", "labels"].map { ["required": [.string($0)]] })
    return schema
  }
}
