// What clients send.
import JSON

extension APIDescription {
  /// A size: bytes, or a number with a unit.
  private static let size: JSON = [
    "anyOf": [
      Schema.integer(1_048_576...(1 << 50)), ["type": "string", "pattern": "^[1-9][0-9]{0,5}[MG]$"], ["type": "null"],
    ],
    "description": "Bytes, or a number with K, M, G or T such as \"512M\".",
  ]

  /// Without control characters.
  private static func plain(_ most: Int) -> JSON {
    ["type": ["string", "null"], "maxLength": JSON(most), "pattern": "^[^\\u0000-\\u001f\\u007f]*$"]
  }

  private static let spawn: [String: JSON] = [
    "config": plain(1000), "language": plain(64), "kernelspec": plain(64),
    "name": [
      "type": ["string", "null"], "pattern": "^[A-Za-z][A-Za-z0-9._]{0,62}$",
      "description": "Unique; letters, digits, '.', '_' and '-', and not like an id.",
    ],
    "port": ["anyOf": [Schema.integer(1024...65_531), ["type": "null"]]],
    "memory_limit": size, "memory": size,
    "cpu_limit": ["anyOf": [Schema.number(0.01...64), ["type": "null"]]],
    "cpu": ["anyOf": [Schema.number(0.01...64), ["type": "null"]]],
    "nice": ["anyOf": [Schema.integer(-20...19), ["type": "null"]]],
    "processes": ["anyOf": [Schema.integer(1...Int(Int32.max)), ["type": "null"]]],
    "open_files": ["anyOf": [Schema.integer(16...Int(Int32.max)), ["type": "null"]]],
    "best_effort": ["type": ["boolean", "null"], "description": "Start it even if a limit cannot be enforced here."],
    "env_vars": [
      "type": ["object", "null"], "description": "Variables of its environment.",
      "propertyNames": ["pattern": "^[A-Za-z_][A-Za-z0-9_]{0,100}$"],
      "additionalProperties": ["type": "string", "pattern": "^[^\\u0000]*$", "maxLength": 1000], "maxProperties": 100,
    ],
    "labels": [
      "type": ["object", "null"], "maxProperties": 64,
      "propertyNames": ["maxLength": 20, "pattern": "^[^\\u0000-\\u001f\\u007f]*$"],
      "additionalProperties": [
        "type": "string", "maxLength": 60, "pattern": "^[^\\u0000-\\u001f\\u007f]*$",
      ],
    ],
    "pool": plain(64), "owner": plain(64), "provider": plain(64), "model": plain(64), "session": plain(64),
  ]

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
          "type": "object", "maxProperties": 64, "minProperties": 1,
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
