// The host's own life: it finds the kernels that live, works, and leaves.
import FleetEngine
import JSON

extension FleetHost {
  /// The longest that kernels may take to end when they are stopped with the host.
  private static let stopPatience: Duration = .seconds(30)

  /// Works until `stop` has finished; call it once.
  /// - Parameter keepingDirectory: the directory is not free for another host until `leaveDirectory` is called: a
  ///   server must have closed its socket there first, because closing it removes the file.
  /// - Throws: nothing that a later call could mend.
  public func run(keepingDirectory: Bool = false) async throws {
    hub.whenChanged { [weak self] in Task { await self?.clientsChanged() } }
    await recover()
    while let events = await inbox.next() {
      for event in events {
        if case .closed = phase { break }
        handle(event)
      }
      // Requests have their turn.
      await Task.yield()
    }
    // A launch under way must be there, or not, when the next host looks.
    await processes.close()
    wire.close()
    await writer.flush()
    await recorder.close()
    await history?.close(now: Self.wallMilliseconds() / 1000)
    if let document = registryDocument { await mirror.write(document) }
    do { try await lookups.run { [database] () throws(StorageError) in try database.close() } } catch {
      // Everything is written; the next host reads the log that could not be folded into the database.
      setup.log.warning("\(error)")
    }
    if !keepingDirectory { leaveDirectory() }
  }

  /// Lets another host have the directory.
  public func leaveDirectory() { lock.release() }

  private func recover() async {
    guard let content = found else { return }
    found = nil
    let recovery = Recovery(files: files, log: setup.log)
    let setAside = database.setAside
    let outcome = await lookups.run { recovery.compare(content, setAside: setAside) }
    // Stopped before it began.
    if case .closed = phase { return }
    engine = Engine(configuration: engine.configuration, totalSpawned: content.totalSpawned)
    for (id, process) in outcome.processes { processes.remember(process, of: id) }
    for stray in outcome.strays { processes.end(stray: stray) }
    handle(.recovered(outcome.rows))
    warnOfOtherUsers()
    save(outcome.unsaved)
    recover(content.sessions, unreadable: content.unreadableSessions)
    if case .opening(let waiting) = phase {
      phase = .open
      watchSilences()
      tellOfPolicies()
      waiting.forEach { $0.resume() }
    }
    registryChanged()
  }

  /// A kernel keeps the hardening that it was spawned with.
  private func warnOfOtherUsers() {
    let users = setup.configuration.hardening.uidRange
    for kernel in engine.kernels.values where kernel.specification.hardening.firstUser != users?.first {
      let user = kernel.user.map { "user \($0.id)" } ?? "the host's user, and may do what it may"
      let range = users.map { "\($0)" } ?? "taken out, and cannot ask the host any more"
      setup.log.warning(
        "\(kernel.id): from before uid_range was \(range): it runs as \(user); stop it and spawn another")
    }
  }

  /// Gives a row to kernels that were adopted without one. Until it is written, the next host adopts them likewise.
  private func save(_ ids: [KernelID]) {
    let changes = ids.compactMap { engine.kernels[$0] }.map { RowChange.put($0, backoff: nil) }
    if changes.isEmpty { return }
    let log = setup.log
    writer.submit(
      RegistryWriter.Work(changes: changes, totalSpawned: engine.totalSpawned, durable: true) { result in
        if case .failure(let error) = result { log.error("adopted kernels have no rows yet: \(error)") }
      })
  }

  /// Returns when the kernels that live are known, or never will be.
  func whenOpen() async {
    guard case .opening = phase else { return }
    await withCheckedContinuation { continuation in
      if case .opening(let waiting) = phase {
        phase = .opening(waiting + [continuation])
      } else {
        continuation.resume()
      }
    }
  }

  /// The end of `run`. With `kernels`, every kernel is stopped first; else they go on without a host. Requests that are
  /// under way are answered: by what became of them if they end in time, else by an error.
  public func stop(kernels: Bool) async {
    if kernels {
      await whenOpen()
      if case .open = phase { phase = .closing }
      await stopEverything()
    }
    close()
  }

  /// Round after round, because a request that was under way may still have started a kernel.
  private func stopEverything() async {
    let limit = Task {
      // Cancelled when all kernels have ended.
      guard (try? await Task.sleep(for: Self.stopPatience)) != nil else { return }
      failRequests()
    }
    var tried: Set<KernelID> = []
    while case .closing = phase {
      let open = engine.kernels.keys.filter { !tried.contains($0) }
      if open.isEmpty { break }
      tried.formUnion(open)
      await withTaskGroup { group in
        for id in open { group.addTask { await self.stopForGood(id) } }
      }
    }
    limit.cancel()
  }

  private func stopForGood(_ id: KernelID) async {
    do { _ = try await sendAnyway { .command($0, .stop(id, force: false, timeout: .seconds(5), by: .host)) } } catch {
      setup.log.warning("\(id) was not stopped: \(error)")
    }
  }

  private func close() {
    if case .opening(let waiting) = phase { waiting.forEach { $0.resume() } }
    phase = .closed
    hub.close()
    failRequests()
    wakeTask?.cancel()
    measuring?.cancel()
    recording?.cancel()
    repeating?.cancel()
    silenceTimer?.cancel()
    events.finish()
    inbox.finish()
  }

  private func failRequests() {
    let waiting = requests
    requests = [:]
    for continuation in waiting.values { continuation.resume(throwing: Self.goingDown) }
  }

  // MARK: registry.json

  /// Nil when it is another host's to tell.
  private var mirrored: JSON? {
    if case .closed = phase { nil } else { registryDocument }
  }

  func registryChanged() { mirror.changed { [weak self] in await self?.mirrored } }

  var registryDocument: JSON? {
    if case .opening = phase { return nil }
    return [
      "kernels": .array(engine.kernels.values.map { .object(view($0).durable) }),
      "next_port": JSON(engine.ports.next(now: now)), "total_spawned": JSON(engine.totalSpawned),
    ]
  }
}
