// Questions and answers in a line each, for people.
import FleetConfiguration
import FleetEngine

struct QuestionWords {
  private let names: KernelNames

  init(_ names: KernelNames) { self.names = names }

  func question(_ subject: PolicyQuestion.Subject) -> String {
    switch subject {
    case .admit(let specification):
      "start "
        + parts([
          ("", specification.language), ("config", specification.config.map(FilePath.name)),
          ("owner", specification.owner.isEmpty ? nil : specification.owner), ("pool", specification.pool),
          ("memory", specification.limits.memory.map { ByteCount(bytes: $0).description }),
        ])
    case .route(let wanted):
      "a kernel for "
        + parts(
          [
            ("", wanted.language), ("kernelspec", wanted.kernelspec), ("config", wanted.config.map(FilePath.name)),
            ("provider", wanted.provider), ("model", wanted.model), ("owner", wanted.owner),
            ("session", wanted.session), ("memory", wanted.memory.map { ByteCount(bytes: $0).description }),
          ] + wanted.labels.sorted { $0.key < $1.key }.map { ("label \($0.key)", $0.value) })
    case .scale(let pool):
      "pool \(pool.name) has \(pool.kernels) kernels: \(pool.used) used, \(pool.free) free, \(pool.starting) starting, "
        + "\(pool.waiting) requests waiting"
    case .alert: "what is wrong?"
    case .restart(let crash):
      "\(names.title(crash.uuid)) ended: \(crash.reason); \(crash.recent) crashes in the last minute"
    }
  }

  private func parts(_ parts: [(String, String?)]) -> String {
    let said = parts.compactMap { name, value in value.map { name.isEmpty ? $0 : "\(name) \($0)" } }
    return said.isEmpty ? "anything" : said.joined(separator: ", ")
  }

  func answer(_ answer: Answer) -> String {
    switch answer {
    case .admit(.allow(let limits)):
      "allow"
        + (limits.memory.map { ", memory \(ByteCount(bytes: $0).description)" } ?? "")
        + (limits.cpu.map { ", cpu \($0)" } ?? "")
    case .admit(.reject), .route(.reject): "reject"
    case .route(.use(let kernel)): "use \(names.title(kernel))"
    case .route(.spawn(let config, let language)):
      "spawn" + ([config.map(FilePath.name), language].compactMap { $0 }.map { " \($0)" }.joined())
    case .route(.wait(let seconds)): "wait \(seconds) s"
    case .scale(let scale):
      "\(scale.wanted) kernels"
        + (scale.retire.isEmpty ? "" : ", retire " + scale.retire.map(names.title).joined(separator: ", "))
    case .alert(let conditions):
      conditions.isEmpty
        ? "nothing"
        : conditions.map { $0.name + ($0.kernel.map { " of \(names.title($0))" } ?? "") }.joined(separator: ", ")
    case .restart(.restart(let seconds)): "restart in \(seconds) s"
    case .restart(.giveUp): "give up"
    }
  }
}
