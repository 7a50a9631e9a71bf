// What the shim says on its report descriptor, and the sentences that its errors become.

import Glibc
import JSON

enum ShimReport {
  case started(kernel: Int32, shim: Int32, limits: [String: String], hardening: [String: String], cgroups: [String])
  case failed(step: LaunchError.Step, code: Int32, detail: String)

  /// Nil when it is no whole report: the shim was killed.
  init?(_ bytes: [UInt8]) {
    // A half-written line is as good as none.
    guard let json = try? JSON(parsing: bytes) else { return nil }
    if let detail = json["error"]?.string {
      self = .failed(
        step: LaunchError.Step(rawValue: json["step"]?.string ?? "report"),
        code: Int32(truncatingIfNeeded: json["errno"]?.int ?? 0), detail: detail)
    } else if let kernel = json["kernel"]?.int, let shim = json["shim"]?.int {
      self = .started(
        kernel: Int32(truncatingIfNeeded: kernel), shim: Int32(truncatingIfNeeded: shim),
        limits: Self.limits(json), hardening: Self.hardening(json), cgroups: Self.cgroups(json))
    } else {
      return nil
    }
  }

  static func limits(_ json: JSON) -> [String: String] { (json["limits"]?.object ?? [:]).compactMapValues(\.string) }
  static func hardening(_ json: JSON) -> [String: String] {
    (json["hardening"]?.object ?? [:]).compactMapValues(\.string)
  }
  static func cgroups(_ json: JSON) -> [String] { (json["cgroups"]?.array ?? []).compactMap(\.string) }
}

extension LaunchError {
  init(_ request: LaunchRequest, step: Step, code: Int32, detail: String) {
    self.init(step, code: code, Self.sentence(request, step, code, detail))
  }

  private static func sentence(_ request: LaunchRequest, _ step: Step, _ code: Int32, _ detail: String) -> String {
    let reason = SystemError.text(of: code)
    switch step {
    case .execute: return cannotExecute(request, code)
    case .workingDirectory:
      return "\(request.id) cannot start in the directory \(request.workingDirectory ?? detail): \(reason)"
    case .lock where code == EAGAIN || code == EACCES:
      return "\(request.id) was not started a second time: \(detail)"
    case .hardening:
      return "\(request.id) was not started: \(detail) (\(reason)); use --best-effort to start it without, "
        + "or take it out of [hardening] (see fleet doctor)"
    case .limits where code == EPERM && detail.hasPrefix("open_files"):
      return "\(request.id) was not started: \(tooManyFiles(request))"
    case .limits:
      return "\(request.id) was not started: \(detail) (\(reason)); "
        + "use --best-effort to start it without, or let the host write control groups (see fleet doctor)"
    default: return "\(request.id) was not started: \(detail) (\(reason))"
    }
  }

  private static func tooManyFiles(_ request: LaunchRequest) -> String {
    // Root may have more than its limit, but not more than the system allows any process.
    let most = SmallFile.text("/proc/sys/fs/nr_open").flatMap { Int($0.prefix { $0.isNumber }) }
    if let most, let asked = request.limits.openFiles, asked > most {
      return "no process of this machine may have more than \(most) open files (fs.nr_open); ask for fewer, "
        + "or use --best-effort to start it without"
    }
    let limit = OpenFiles.limit.map { ", which are \($0.rlim_max)" } ?? ""
    return "a kernel can have no more open files than its host may have\(limit); "
      + "ask for fewer, give the host more (ulimit -Hn, LimitNOFILE= of its unit), or use --best-effort to start it without"
  }

  private static func cannotExecute(_ request: LaunchRequest, _ code: Int32) -> String {
    let program = request.arguments.first ?? ""
    switch (code, program.contains("/")) {
    case (ENOENT, false):
      let path = request.environment["PATH"].map { "PATH=\($0)" } ?? "the default PATH, for none is set"
      return
        "the program \"\(program)\" of \(request.id) was not found in \(path); install it or correct its kernelspec"
    case (ENOENT, true):
      return "the program \(program) of \(request.id), or the interpreter that its first line names, does not exist"
    case (EACCES, _):
      let words = "the program \(program) of \(request.id) is not executable for"
      guard let user = request.hardening.user else { return words + " this user" }
      return
        "\(words) user \(user.id), whom uid_range gives it: the program, or a directory on the way to it, is closed"
    case (ENOEXEC, _): return "the program \(program) of \(request.id) is no executable of this machine"
    default: return "the program \(program) of \(request.id) cannot be executed: \(SystemError.text(of: code))"
    }
  }
}
