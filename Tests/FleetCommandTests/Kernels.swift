// Kernels as the API describes them.
import JSON

enum Kernels {
  static let alice: JSON = [
    "id": "kernel-1a2b3c4d", "uuid": "1a2b3c4d-0000-4000-8000-000000000000", "name": "alice", "pid": 123,
    "port": 9555, "language": "lua", "kernelspec": "lua", "config": "/c/openai.toml", "provider": "openai",
    "model": "gpt-4o", "connection_file": "/f/kernel-1a2b3c4d.json", "log_file": "/f/logs/kernel-1a2b3c4d.log",
    "started_at": "2026-01-01T00:00:00.000Z", "uptime_seconds": 125.5, "status": "idle",
    "health": ["state": "HEALTHY", "reason": "answers"], "clients": ["ann"], "connections": 2,
    "memory_limit": 536_870_912, "cpu_limit": 0.5, "labels": ["team": "a"], "owner": "", "pool": .null, "restarts": 0,
    "exit": .null, "memory_mb": 3.14, "cpu_percent": 12.34, "shim_pid": 122,
  ]

  static let dead: JSON = [
    "id": "kernel-deadbeef", "uuid": "deadbeef-0000-4000-8000-000000000000", "name": .null, "pid": .null,
    "port": 9560, "language": "python", "kernelspec": "python3", "config": .null, "status": "failed",
    "connection_file": "/f/kernel-deadbeef.json", "log_file": "/none/x.log", "uptime_seconds": .null,
    "health": ["state": "DEAD", "reason": "killed by SIGKILL"], "clients": [], "connections": 0, "restarts": 5,
    "exit": ["code": .null, "signal": 9, "reason": "killed by SIGKILL"], "memory_mb": .null, "cpu_percent": .null,
  ]

  /// Answers questions about these two; everything else is not found.
  static let host: FakeHost.Answer = { request in
    switch (request.method, request.path) {
    case ("GET", "/kernels"): (200, ["kernels": [alice, dead]])
    case ("GET", "/kernels/alice"), ("GET", "/kernels/9555"), ("POST", "/kernels/alice/interrupt"):
      (200, ["kernel": alice])
    case ("GET", "/kernels/kernel-deadbeef"): (200, ["kernel": dead])
    case ("GET", "/kernels/alice/logs?lines=2"): (200, ["lines": ["one", "two"]])
    case ("POST", "/kernels"): (201, ["kernel": alice])
    case ("POST", "/find"):
      (200, ["kernel": alice, "decision": ["reason": "fewest clients of lua", "spawned": false]])
    case ("DELETE", "/kernels"): (200, ["stopped": ["kernel-1a2b3c4d"]])
    case ("GET", "/registry"): (200, ["kernels": [], "next_port": 9565, "total_spawned": 2])
    default: (404, ["error": "Kernel not found", "code": "kernel_not_found"])
    }
  }
}
