// Effects, carried out.
import FleetConfiguration
import FleetEngine

extension FleetHost {
  func perform(_ effect: Effect) {
    switch effect {
    case .launch(let kernel):
      hub.starts(kernel)
      processes.launch(kernel, sent: environments.removeValue(forKey: kernel.id))
    case .adopt(let kernel): processes.adopt(kernel)
    case .probe(let kernel): wire.probe(kernel)
    case .watch(let kernel):
      wire.watch(kernel)
      hub.answers(kernel)
    case .unwatch(let id):
      wire.unwatch(id)
      hub.ended(id, engine.kernels[id])
    case .requestShutdown(let kernel): wire.requestShutdown(kernel)
    case .interrupt(let kernel): interrupt(kernel)
    case .signal(let kernel, let signal): processes.signal(kernel, signal)
    case .rows(let changes):
      recorder.append(.rows(changes))
      follow(changes)
      setup.policies.apply(changes)
      registryChanged()
    case .ask(let question, let asked): ask(question, asked)
    case .resolve(let question, let config, let language, let requirements):
      resolve(question, config, language, requirements)
    case .decided(let decision): decided(decision)
    case .provide(let pool, let count): provide(pool, count)
    case .alerts(let changes): notify(changes)
    case .countConnections: Task { await countConnections() }
    case .answer(let ticket, let result): requests.removeValue(forKey: ticket)?.resume(with: result.mapError { $0 })
    case .removeFiles(let kernel): depart(kernel)
    case .note(let note): tell(note)
    case .wake(let instant): wake(at: instant)
    case .commit: preconditionFailure("commits are grouped with their notes in handle(_:)")
    }
  }

  /// Recorded; and if the engine could not carry the policy's answer out, that is a failure which its host has not seen.
  private func decided(_ decision: Decision) {
    recorder.append(.decided(decision, at: Self.wallMilliseconds()))
    tellOfRequest(decision)
    let hasFailed = failedQuestions.remove(decision.id) != nil
    if decision.policy.failure != nil || !policyConditions.isEmpty { tellOfPolicies() }
    guard !hasFailed, let policy = decision.policy.policy, let why = decision.policy.failure else { return }
    setup.policies.unusable(policy, decision.question.entry, why: why)
  }

  private func ask(_ question: Int, _ asked: PolicyQuestion) {
    let inbox = inbox
    recorder.append(.asked(question))
    setup.policies.ask(asked) { inbox.post(.answered(question: question, $0)) }
  }

  /// By a message or by SIGINT, as the kernelspec says.
  private func interrupt(_ kernel: Kernel) {
    let (resolver, wire, processes) = (resolver, wire, processes)
    interrupts.async {
      // A kernelspec that is gone cannot say; SIGINT is what Jupyter assumes.
      let mode = (try? resolver.kernelspec(named: kernel.specification.kernelspec))?.interruptMode ?? .signal
      switch mode {
      case .message: wire.interrupt(kernel)
      case .signal: processes.interrupt(kernel)
      }
    }
  }

  /// What the router's `spawn` means if it is not what the client asked for.
  private func resolve(_ question: Int, _ config: String?, _ language: String?, _ requirements: Requirements) {
    var request = SpawnRequest()
    request.config = config
    request.language = language
    request.labels = requirements.labels
    if requirements.source == Culling.label.value { request.labels[Culling.label.name] = Culling.label.value }
    request.owner = requirements.owner
    request.memory = requirements.memory.map(String.init)
    let (inbox, resolver, asked) = (inbox, resolver, request)
    lookups.async {
      let result: Result<Specification, EngineError>
      do throws(EngineError) { result = .success(try resolver.specification(of: asked)) } catch {
        result = .failure(error)
      }
      inbox.post(.resolved(question: question, result))
    }
  }

  /// Its files go with the commit that says so.
  private func depart(_ kernel: Kernel) {
    departed[kernel.id] = kernel
    environments[kernel.id] = nil
    clients.forget(kernel.id)
    wire.activity.forget(kernel.id)
    models.forget(kernel.id)
  }

  private func wake(at instant: FleetEngine.Instant) {
    wakeTask?.cancel()
    let inbox = inbox
    let delay = instant - now
    wakeTask = Task.detached {
      // Cancelled when an earlier deadline took its place.
      guard (try? await Task.sleep(for: max(delay, .zero), tolerance: .milliseconds(1))) != nil else { return }
      inbox.post(.tick)
    }
  }
}
