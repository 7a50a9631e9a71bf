// A simulated kernel process with its shim, and how it will behave.
import FleetEngine

struct SimulatedProcess {
  /// Of this process and no other, ever.
  let pid: Int32
  /// What the system calls it: pids are used again.
  let seen: Process
  let id: KernelID
  let generation: Int
  let nonce: String
  /// It would answer a `kernel_info_request`, if it is not hung.
  var answers = false
  /// Stopped by a signal: it answers nothing, but lives.
  var isHung = false
  /// It leaves when asked to.
  var obeysRequests: Bool
  var obeysTermination: Bool
  /// Somebody signalled it, so its end is no surprise.
  var isCondemned = false
}

/// What a process does by itself.
enum ProcessAct {
  case answer, hang, resume
  /// Ends by itself, unless the world is calm.
  case crash(ExitInfo)
  /// Ends because it was told to.
  case leave(ExitInfo)
}
