// Values that many tests need, and effects as short words.
import FleetEngine

extension Specification {
  static let lua = Specification(kernelspec: "lua", language: "lua")

  static func lua(name: String? = nil, config: String? = nil, port: Int? = nil) -> Specification {
    Specification(kernelspec: "lua", language: "lua", config: config, name: name, port: port)
  }
}

extension KernelID {
  /// The same number makes the same UUID; its first eight digits are the number.
  static func number(_ number: Int) -> KernelID {
    let digits = String(number, radix: 16)
    let first = String(repeating: "0", count: 8 - digits.count) + digits
    guard let id = KernelID(uuid: first + "-0000-4000-8000-000000000000") else { fatalError("\(first) makes no UUID") }
    return id
  }
}

extension Process {
  static func with(pid: Int32) -> Process { Process(shim: pid, kernel: pid + 1, startedAt: 0) }
}

extension Effect {
  /// "launch 1.2" is the launch of the second generation of the kernel with serial number 1; nil for what only tells.
  var brief: String? {
    switch self {
    case .launch(let kernel): "launch \(kernel.brief)"
    case .probe(let kernel): "probe \(kernel.brief)"
    case .watch(let kernel): "watch \(kernel.brief)"
    case .adopt(let kernel): "adopt \(kernel.brief)"
    case .requestShutdown(let kernel): "shutdown \(kernel.brief)"
    case .interrupt(let kernel): "interrupt \(kernel.brief)"
    case .signal(let kernel, .terminate): "terminate \(kernel.brief)"
    case .signal(let kernel, .kill): "kill \(kernel.brief)"
    case .removeFiles(let kernel): "remove \(kernel.serial)"
    case .commit(_, let changes, let durable):
      (durable ? "sync " : "write ") + changes.map(\.brief).joined(separator: ", ")
    case .ask(let question, _): "ask \(question)"
    case .resolve(let question, _, _, _): "resolve \(question)"
    case .provide(let pool, let count): "provide \(count) \(pool)"
    case .unwatch, .rows, .answer, .decided, .note, .wake, .alerts: nil
    case .countConnections: "count"
    }
  }
}

extension Kernel {
  fileprivate var brief: String { "\(serial).\(generation)" }
}

extension RowChange {
  fileprivate var brief: String {
    switch self {
    case .put(let kernel, _): "\(kernel.serial) \(kernel.status.rawValue)"
    case .remove: "nothing"
    }
  }
}
