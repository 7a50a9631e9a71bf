// What the registry says, compared with what lives, when a host starts.
import FleetConfiguration
import FleetEngine
import Foundation
import Logging

struct Recovery: Sendable {
  let files: KernelFiles
  let log: Logger

  struct Outcome: Sendable {
    var rows: [Recovered] = []
    /// Live processes of the rows.
    var processes: [KernelID: LaunchedProcess] = [:]
    /// Shims that no row accounts for.
    var strays: [LaunchedProcess] = []
  }

  static func bootID() -> String { ProcessIdentity.boot ?? "" }

  /// - Parameter setAside: where a damaged registry was put: then connection files tell of the kernels, and nothing that
  ///   lives is ended.
  func compare(_ content: RegistryDatabase.Content, setAside: String?) -> Outcome {
    var outcome = Outcome()
    for problem in content.unreadable { log.error("a row of the registry cannot be read and was set aside: \(problem)") }
    var stored = content.kernels
    let isIncomplete = setAside != nil || !content.unreadable.isEmpty
    if isIncomplete {
      let known = Set(stored.map(\.kernel.id))
      let found = files.documents().filter { !known.contains($0.kernel.id) && lives($0.kernel) }
      if let setAside {
        log.error("the registry was damaged and is now \(setAside); \(found.count) live kernels are adopted")
      }
      stored += found
    }
    for row in stored { look(row, &outcome) }
    if !isIncomplete { outcome.strays = strays(known: Set(stored.map(\.kernel.id.description))) }
    return outcome
  }

  private func probe(_ kernel: Kernel) -> ShimProbe {
    ShimProbe(id: kernel.id.description, nonce: kernel.nonce, directory: files.directory.path)
  }

  private func lives(_ kernel: Kernel) -> Bool {
    if case .running = try? settled(probe(kernel)) { true } else { false }
  }

  /// A shim that is just starting its kernel is given two seconds.
  private func settled(_ probe: ShimProbe) throws -> ShimProbe.Finding {
    let deadline = ContinuousClock.now + .seconds(2)
    while true {
      let finding = try probe.look()
      guard case .starting = finding, ContinuousClock.now < deadline else { return finding }
      usleep(2000)
    }
  }

  private func look(_ row: KernelDocument.Stored, _ outcome: inout Outcome) {
    let id = row.kernel.id
    let fate: Recovered.Fate
    do {
      switch try settled(probe(row.kernel)) {
      case .running(let process):
        outcome.processes[id] = process
        let startedAt = row.startedAt ?? FleetHost.wallMilliseconds()
        fate = .running(.init(shim: process.shim.pid, kernel: process.kernel, startedAt: startedAt))
      case .ended(let record): fate = .ended(ExitInfo(record))
      case .absent:
        try KernelRemains(id: id.description, nonce: row.kernel.nonce, directory: files.directory.path).clear()
        fate = .absent
      case .starting(let shim): fate = .unknown("its shim (pid \(shim.pid)) has not started it within 2 s")
      case .stranger(let pid, let nonce):
        fate = .unknown("its lock is held by process \(pid), which is another launch (\(nonce ?? "without a nonce"))")
      }
    } catch {
      fate = .unknown("\(error)")
    }
    outcome.rows.append(
      Recovered(kernel: row.kernel, fate: fate, backoff: row.backoff, isOtherBoot: row.bootID != files.bootID))
  }

  private func strays(known: Set<String>) -> [LaunchedProcess] {
    files.idsWithFiles().keys.sorted().filter { !known.contains($0) }.compactMap { id in
      guard let nonce = files.liveNonce(id),
        case .running(let process) = try? settled(ShimProbe(id: id, nonce: nonce, directory: files.directory.path))
      else { return nil }
      return process
    }
  }
}
