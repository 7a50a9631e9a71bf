// What limits and hardenings hold on this machine, found out by the real thing: a shim that starts a program which ends at
// once, with all of them.

import CFleetSystem
import Glibc

/// The answers of a trial.
public struct MachineTrial: Sendable {
  /// What enforces each limit, as in `LaunchedProcess.limits`.
  public let limits: [String: String]
  public let hardening: [String: String]
  /// Why the others cannot be had, by name.
  public let reasons: [String: String]

  public static let hardenings = ["uid_range", "private_tmp", "landlock", "seccomp"]

  /// Blocks for some milliseconds.
  /// - Parameters:
  ///   - shim: the executable.
  ///   - place: a directory, best the fleet directory, in which one is made for the trial.
  /// - Throws: when nothing at all can be started.
  public init(shim: String, in place: String) throws {
    let trial = try Trial(shim: shim, place: place)
    defer { trial.leave() }
    let most = LaunchLimits(
      memory: 256 << 20, cpu: 0.5, processes: 64, openFiles: 64, fileSize: 1 << 20, nice: 1)
    let all = LaunchHardening(privateTmp: true, landlock: true, seccomp: true)
    let held = try trial.held(most, all)
    // By itself: another user cannot reach the directory in which the others are tried.
    var (hardening, reasons) = (held.hardening, [String: String]())
    switch try trial.run(.init(), .only("uid_range"), isBestEffort: false) {
    case .started(_, _, _, let user, _): hardening.merge(user) { $1 }
    case .failed(_, _, let detail): reasons["uid_range"] = detail
    }
    limits = held.limits
    self.hardening = hardening
    for (name, means) in limits.merging(hardening, uniquingKeysWith: { $1 }) where means == "not enforced" {
      let isHardening = Self.hardenings.contains(name)
      let report = try trial.run(
        isHardening ? LaunchLimits() : most.only(name), isHardening ? .only(name) : .init(), isBestEffort: false)
      if case .failed(_, _, let detail) = report { reasons[name] = detail }
    }
    self.reasons = reasons
  }
}

extension LaunchLimits {
  fileprivate func only(_ name: String) -> LaunchLimits {
    LaunchLimits(
      memory: name == "memory" ? memory : nil, cpu: name == "cpu" ? cpu : nil,
      processes: name == "processes" ? processes : nil, openFiles: name == "open_files" ? openFiles : nil,
      fileSize: name == "file_size" ? fileSize : nil, nice: name == "nice" ? nice : nil)
  }
}

extension LaunchHardening {
  fileprivate static func only(_ name: String) -> LaunchHardening {
    LaunchHardening(
      privateTmp: name == "private_tmp", landlock: name == "landlock", seccomp: name == "seccomp",
      user: name == "uid_range" ? User(id: .max - 2, fleetGroup: .max - 2) : nil)
  }
}

/// A directory in which shims are tried.
private struct Trial {
  let shim: String
  let directory: String
  let work: String
  let roots = CgroupRoots.prepare()

  init(shim: String, place: String) throws(SystemError) {
    var template = Array("\(place)/.doctor-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SystemError("make a directory in \(place)", code: errno) }
    self.shim = shim
    directory = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    work = directory + "/work"
    guard mkdir(work, 0o700) == 0 else { throw SystemError("make \(work)", code: errno) }
  }

  func leave() { _ = fleet_remove_tree(directory) }

  /// What holds of all that is asked for.
  func held(
    _ limits: LaunchLimits, _ hardening: LaunchHardening
  ) throws(SystemError) -> (limits: [String: String], hardening: [String: String]) {
    switch try run(limits, hardening, isBestEffort: true) {
    case .started(_, _, let limits, let hardening, _): return (limits, hardening)
    case .failed(_, let code, let detail): throw SystemError("start a program (\(detail))", code: code)
    }
  }

  func run(_ limits: LaunchLimits, _ hardening: LaunchHardening, isBestEffort: Bool) throws(SystemError) -> ShimReport {
    let request = LaunchRequest(
      id: "trial", nonce: "n\(getpid())", directory: directory, arguments: ["/bin/true"], environment: [:],
      logFile: directory + "/log", limits: limits, hardening: hardening,
      workingDirectory: hardening.user == nil ? work : nil,
      isBestEffort: isBestEffort)
    guard let report = ShimReport(try report(of: request.shimArguments(shim: shim, roots: roots))) else {
      throw SystemError("start a program by \(shim)", code: EPROTO)
    }
    return report
  }

  /// What the shim says until it closes its report, or ends.
  private func report(of words: [String]) throws(SystemError) -> [UInt8] {
    var (reader, writer, pid): (Int32, Int32, pid_t) = (-1, -1, 0)
    guard fleet_report_pipe(&reader, &writer) == 0 else { throw SystemError("make a pipe", code: errno) }
    defer { close(reader) }
    var pointers = words.map { strdup($0) } + [nil]
    defer { pointers.forEach { free($0) } }
    var environment: [UnsafeMutablePointer<CChar>?] = [nil]
    let result = fleet_spawn(shim, &pointers, &environment, writer, &pid)
    close(writer)
    guard result == 0 else { throw SystemError("start \(shim)", code: -result) }
    defer { waitpid(pid, nil, 0) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      var entry = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
      guard poll(&entry, 1, 10_000) > 0 else {
        kill(pid, SIGKILL)  // our child, not reaped yet
        throw SystemError("hear from \(shim)", code: ETIMEDOUT)
      }
      let count = read(reader, &chunk, chunk.count)
      if count < 0, errno == EINTR || errno == EAGAIN { continue }
      guard count > 0 else { return bytes }
      bytes += chunk.prefix(count)
    }
  }
}
