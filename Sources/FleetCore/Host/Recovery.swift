// What the registry says, compared with what lives, when a host starts. Nothing that can be accounted for is ended.
import FleetConfiguration
import FleetEngine
import Glibc
import Logging

/// Blocks for as long as the files and shims take, two seconds at most for shims that are just starting.
struct Recovery: Sendable {
  let files: KernelFiles
  let log: Logger

  struct Outcome: Sendable {
    var rows: [Recovered] = []
    /// Live processes of the rows.
    var processes: [KernelID: LaunchedProcess] = [:]
    /// Those of the rows that the registry does not have, or not like this.
    var unsaved: [KernelID] = []
    /// Shims that nothing accounts for.
    var strays: [LaunchedProcess] = []
  }

  static func bootID() -> String { ProcessIdentity.boot ?? "" }

  /// - Parameter setAside: where a damaged registry was put: then nothing that lives is ended, even if it cannot be
  ///   adopted.
  func compare(_ content: RegistryDatabase.Content, setAside: String?) -> Outcome {
    files.removeTemporaries()
    for problem in content.unreadable {
      log.error("a row of the registry cannot be read and was set aside: \(problem)")
    }
    var outcome = Outcome()
    var rows = content.kernels.map { upToDate($0, &outcome) }
    let isComplete = setAside == nil && content.unreadable.isEmpty
    for id in idsWithoutRow(rows) { adopt(id, &rows, &outcome, endStrays: isComplete) }
    if let setAside {
      log.error(
        "the registry was damaged and is now \(setAside); live kernels that are adopted: \(rows.count)")
    }
    for (row, found) in zip(rows, settled(rows.map(\.kernel))) { judge(row, found, &outcome) }
    return outcome
  }

  private typealias Look = Result<ShimProbe.Finding, SystemError>

  /// What is found of each kernel; shims that are just starting are given two seconds, all together.
  private func settled(_ kernels: [Kernel]) -> [Look] {
    let deadline = ContinuousClock.now + .seconds(2)
    var looks = kernels.map(look)
    while ContinuousClock.now < deadline {
      let open = looks.indices.filter { if case .success(.starting) = looks[$0] { true } else { false } }
      if open.isEmpty { break }
      usleep(2000)
      for index in open { looks[index] = look(kernels[index]) }
    }
    return looks
  }

  private func look(_ kernel: Kernel) -> Look {
    let probe = ShimProbe(id: kernel.id.description, nonce: kernel.nonce, directory: files.directory.path)
    return Result { () throws(SystemError) in
      let finding = try probe.look()
      guard case .absent = finding, kernel.status == .starting || kernel.status == .stopping else { return finding }
      // A host that was killed right after it started the shim left no other trace.
      let young = YoungShims(directory: files.directory.path).find()[kernel.nonce]
      // One that ended meanwhile has nothing to wait for.
      guard let young, let handle = try? ProcessHandle(pid: young) else { return try probe.look() }
      return .starting(handle)
    }
  }

  // MARK: Rows

  private func judge(_ row: KernelDocument.Stored, _ found: Look, _ outcome: inout Outcome) {
    let isOtherBoot = row.bootID != files.bootID
    let fate: Recovered.Fate
    switch found {
    case .success(.running(let process)):
      outcome.processes[row.kernel.id] = process
      let startedAt = row.startedAt ?? ProcessStat(pid: process.kernel)?.startedAt ?? FleetHost.wallMilliseconds()
      fate = .running(.init(shim: process.shim.pid, kernel: process.kernel, startedAt: startedAt))
    case .success(.ended): fate = ended(row.kernel)
    case .success(.absent): fate = absent(row.kernel, isOtherBoot: isOtherBoot)
    case .success(.starting(let shim)): fate = .unknown("its shim (pid \(shim.pid)) has not started it within 2 s")
    case .success(.stranger(let pid, let nonce)):
      fate = .unknown("its lock is held by process \(pid), which is another launch (\(nonce ?? "without a nonce"))")
    case .failure(let error): fate = .unknown("\(error)")
    }
    outcome.rows.append(Recovered(kernel: row.kernel, fate: fate, backoff: row.backoff, isOtherBoot: isOtherBoot))
  }

  private func ending(of kernel: Kernel) -> KernelEnding {
    KernelEnding(id: "\(kernel.id)", nonce: kernel.nonce, directory: files.directory)
  }

  private func ended(_ kernel: Kernel) -> Recovered.Fate {
    .ended(ending(of: kernel).recorded() ?? ExitInfo(isLost: true))
  }

  /// A shim that was killed, or killed before it took its lock, left processes behind; they are told by the nonce.
  private func absent(_ kernel: Kernel, isOtherBoot: Bool) -> Recovered.Fate {
    let mayHaveLeftSome = kernel.status.isAlive || kernel.status == .unknown
    if mayHaveLeftSome && !isOtherBoot {
      do throws(SystemError) { try ending(of: kernel).clearRemains() } catch { return .unknown("\(error)") }
    }
    return .absent
  }

  // MARK: Registries that know too little

  /// A registry that lost its last changes knows an earlier launch of a kernel; its connection file knows the last.
  private func upToDate(_ row: KernelDocument.Stored, _ outcome: inout Outcome) -> KernelDocument.Stored {
    let id = "\(row.kernel.id)"
    guard let later = files.document(id), later.kernel.id == row.kernel.id,
      later.kernel.generation > row.kernel.generation, later.kernel.key == row.kernel.key,
      case .success(.running) = settled([later.kernel])[0]
    else { return row }
    log.error(
      "\(id): the registry knows launch \(row.kernel.generation), but \(later.kernel.generation) lives; adopted")
    outcome.unsaved.append(row.kernel.id)
    return alive(later)
  }

  private func idsWithoutRow(_ rows: [KernelDocument.Stored]) -> [String] {
    let known = Set(rows.map(\.kernel.id.description))
    do { return try files.inventory().keys.filter { !known.contains($0) }.sorted() } catch {
      log.error("kernels without a row cannot be looked for: \(error)")
      return []
    }
  }

  /// A live kernel without a row is known by its connection file: a registry that was lost, or lost its last changes,
  /// is no reason to end it.
  private func adopt(
    _ id: String, _ rows: inout [KernelDocument.Stored], _ outcome: inout Outcome, endStrays: Bool
  ) {
    guard let nonce = liveNonce(id) else { return }
    if let stored = files.document(id), stored.kernel.nonce == nonce {
      log.error("\(id): lives without a row; adopted from its connection file")
      rows.append(alive(stored, among: rows))
      outcome.unsaved.append(stored.kernel.id)
    } else if !endStrays {
      log.error("\(id): lives without a row, and its connection file does not tell who it is; it is left alone")
    } else if case .running(let process) = try? ShimProbe(id: id, nonce: nonce, directory: files.directory.path).look()
    {
      outcome.strays.append(process)
    }
  }

  /// The nonce of the live shim of an id; nil if there is none.
  private func liveNonce(_ id: String) -> String? {
    // What cannot be read can neither be adopted nor be ended safely.
    guard let lock = try? LockFile(files.directory.lockFile(id)), (try? lock.holder()) != nil else { return nil }
    return (try? lock.record())?.nonce
  }

  /// The document of a launch, as the row of a kernel that lives. It counts as known to people, and as busy until it
  /// answers: a kernel that computes is not ended for not answering.
  private func alive(
    _ stored: KernelDocument.Stored, among rows: [KernelDocument.Stored] = []
  ) -> KernelDocument.Stored {
    var stored = stored
    stored.kernel.status = .busy
    stored.kernel.wasReady = true
    stored.kernel.afterStop = .remove
    let name = stored.kernel.specification.name
    if name != nil, rows.contains(where: { $0.kernel.specification.name == name }) {
      stored.kernel.specification.name = nil
    }
    return stored
  }
}
