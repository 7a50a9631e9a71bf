// What is written to the registry, and what waits for it.
import OrderedCollections

/// Carried out when the commit is on the disk.
enum AfterCommit: Sendable {
  /// The row says what is about to be done: do it.
  case intent(KernelID, generation: Int)
  case answer(Ticket, Reply)
}

struct PendingCommit: Sendable {
  var ids: [KernelID]
  var after: [AfterCommit]
}

extension Engine {
  /// Has the kernel's row written (or removed, if it is gone) with the next commit.
  mutating func save(_ id: KernelID, durable: Bool = false, then: AfterCommit? = nil) {
    unsaved.append(id)
    unsavedIsDurable = unsavedIsDurable || durable
    if let then { afterCommit.append(then) }
  }

  mutating func saveIntent(_ id: KernelID) {
    save(id, durable: true, then: .intent(id, generation: kernels[id]!.generation))
  }

  mutating func flushCommit(_ now: Instant) {
    guard !unsaved.isEmpty else { return }
    unsaved.formUnion(lost)
    lost = []
    lastCommit += 1
    commits[lastCommit] = PendingCommit(ids: Array(unsaved), after: afterCommit)
    let changes = unsaved.map { id in
      kernels[id].map { kernel in RowChange.put(kernel, backoff: kernel.retryAt.map { $0 - now }) } ?? .remove(id)
    }
    effects.append(.commit(sequence: lastCommit, changes, durable: unsavedIsDurable))
    unsaved = []
    unsavedIsDurable = false
    afterCommit = []
  }

  mutating func committed(_ sequence: Int, _ now: Instant) {
    guard let commit = commits.removeValue(forKey: sequence) else { return }
    for after in commit.after {
      switch after {
      case .answer(let ticket, let reply): effects.append(.answer(ticket, .success(reply)))
      case .intent(let id, let generation):
        if kernels[id]?.generation == generation { trigger(.intentSaved, id, now) }
      }
    }
  }

  mutating func commitFailed(_ sequence: Int, _ reason: String, _ now: Instant) {
    guard let commit = commits.removeValue(forKey: sequence) else { return }
    lost.formUnion(commit.ids)
    timers.set(.retryCommit, at: now + .seconds(5))
    note(nil, .storage, "the registry could not be written: \(reason)")
    for after in commit.after {
      switch after {
      // What it tells of has happened, and the kernel's intent is on the disk: only news is missing there.
      case .answer(let ticket, let reply): effects.append(.answer(ticket, .success(reply)))
      case .intent(let id, let generation):
        guard kernels[id]?.generation == generation else { continue }
        let message = "the registry could not be written (\(reason)), so nothing was started; make room and try again"
        trigger(.intentLost, id, now, failure: LaunchFailure(reason: message))
      }
    }
  }

  mutating func retryLostCommits() { unsaved.formUnion(lost) }
}
