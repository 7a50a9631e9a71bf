// What is written to the registry, and what waits for it.
import OrderedCollections

/// Carried out when the commit is on the disk.
enum AfterCommit: Sendable {
  /// The row says what is about to be done: do it.
  case intent(KernelID)
  /// `isSafe`: what the answer tells of outlives a crash even if this commit fails, because an earlier one says enough.
  case answer(Ticket, Reply, isSafe: Bool)
}

struct PendingCommit: Sendable {
  var ids: [KernelID]
  var isDurable: Bool
  var after: [AfterCommit]
}

extension Engine {
  /// Has the kernel's row written (or removed, if it is gone) with the next commit.
  mutating func save(_ id: KernelID, durable: Bool = false, then: AfterCommit? = nil) {
    unsaved.append(id)
    unsavedIsDurable = unsavedIsDurable || durable
    if let then { afterCommit.append(then) }
  }

  /// Nothing is done about the kernel until this, or a later intent, is answered.
  mutating func saveIntent(_ id: KernelID) {
    intents[id] = lastCommit + 1
    save(id, durable: true, then: .intent(id))
  }

  mutating func flushCommit(_ now: Instant) {
    guard !unsaved.isEmpty else { return }
    unsaved.formUnion(lost)
    unsavedIsDurable = unsavedIsDurable || lostIsDurable
    lost = []
    lostIsDurable = false
    lastCommit += 1
    commits[lastCommit] = PendingCommit(ids: Array(unsaved), isDurable: unsavedIsDurable, after: afterCommit)
    let changes = unsaved.compactMap { change(of: $0, now) }
    effects.append(.commit(sequence: lastCommit, changes, durable: unsavedIsDurable))
    unsaved = []
    unsavedIsDurable = false
    afterCommit = []
  }

  private func change(of id: KernelID, _ now: Instant) -> RowChange? {
    guard let kernel = kernels[id] else { return .remove(id) }
    // Its row says more than is known of it now.
    if kernel.status == .unknown { return nil }
    return .put(kernel, backoff: kernel.retryAt.map { $0 - now })
  }

  mutating func committed(_ sequence: Int, _ now: Instant) {
    guard let commit = commits.removeValue(forKey: sequence) else { return }
    for id in commit.ids {
      if let needed = unwritten[id], needed <= sequence { unwritten[id] = nil }
    }
    for after in commit.after {
      switch after {
      case .answer(let ticket, let reply, _): effects.append(.answer(ticket, .success(reply)))
      case .intent(let id):
        guard isLatestIntent(of: id, sequence) else { continue }
        kernels[id]!.stop?.isSaved = true
        trigger(.intentSaved, id, now)
      }
    }
  }

  mutating func commitFailed(_ sequence: Int, _ reason: String, _ now: Instant) {
    guard let commit = commits.removeValue(forKey: sequence) else { return }
    lost.formUnion(commit.ids)
    lostIsDurable = lostIsDurable || commit.isDurable
    if !retryIsSet {
      retryIsSet = true
      timers.set(.retryCommit, at: now + configuration.storageRetry)
    }
    note(nil, .storage, "the registry could not be written: \(reason)")
    for after in commit.after {
      switch after {
      case .answer(let ticket, let reply, isSafe: true): effects.append(.answer(ticket, .success(reply)))
      case .answer(let ticket, _, isSafe: false):
        let message =
          "it is done, but the registry could not be written (\(reason)): a host that is started anew would not know, "
          + "until a later try succeeds; make room"
        effects.append(.answer(ticket, .failure(EngineError(.storage, message))))
      case .intent(let id):
        guard isLatestIntent(of: id, sequence) else { continue }
        let failure = LaunchFailure(reason: "the registry could not be written (\(reason))", code: .storage)
        trigger(.intentLost, id, now, failure: failure)
      }
    }
  }

  /// True once: an intent that a later one replaced is no reason to act.
  private mutating func isLatestIntent(of id: KernelID, _ sequence: Int) -> Bool {
    guard intents[id] == sequence else { return false }
    intents[id] = nil
    return true
  }

  mutating func retryLostCommits() {
    retryIsSet = false
    unsaved.formUnion(lost)
  }
}
