// The callbacks behind display, clear_output, help, completion and the parts of the library that are loaded when they are needed.
import Glibc
import JSON
import JupyterProtocol
import LuaRuntime

enum DisplayLibrary {
  static func install(in state: LuaState, context: ExecutionContext) throws(LuaError) {
    try state.register("__fleet.source") { arguments in [.text(source(of: arguments.first?.text ?? ""))] }
    try state.register("__fleet.display") { arguments in
      let bundle = try MIMEBundle(arguments[0], metadata: arguments[1])
      context.display(bundle, id: arguments[2].text, isUpdate: arguments[3].isTruthy)
      return []
    }
    try state.register("__fleet.clear") { arguments in
      context.clear(waits: arguments.first?.isTruthy ?? false)
      return []
    }
    try state.register("__fleet.page") { arguments in
      context.pages.append(try MIMEBundle(arguments[0]).data)
      return []
    }
    try state.register("__fleet.cell") { arguments in
      [arguments.first?.text.flatMap { context.cell($0) }.map { .text($0) } ?? .nil]
    }
    try state.register("__fleet.files") { arguments in
      [.sequence(files(in: arguments.first?.text ?? "").map { .text($0) })]
    }
    try state.register("__fleet.now") { _ in [.number(Double(luaNow()) / 1e9)] }
  }

  /// The names in a directory, without hidden ones; none if it cannot be read.
  private static func files(in directory: String) -> [String] {
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while names.count < 5000, let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names
  }

  /// The Lua text of a part, which is compiled on its first use: most kernels never need most of them.
  private static func source(of part: String) -> String {
    switch part {
    case "code": CodeModule.source
    case "comm": CommModule.source
    case "llm": ModelModule.source
    case "manual": Manual.source
    case "rich": RichModule.source
    case "plot": PlotModule.source
    case "progress": ProgressModule.source
    default: "error('there is no such part')"
    }
  }
}

extension ExecutionContext {
  func display(_ bundle: MIMEBundle, id: String?, isUpdate: Bool) {
    let content: JSON = [
      "data": bundle.data, "metadata": bundle.metadata, "transient": id.map { ["display_id": .string($0)] } ?? [:],
    ]
    publish(isUpdate ? "update_display_data" : "display_data", content)
  }

  func clear(waits: Bool) { publish("clear_output", ["wait": .bool(waits)]) }
}
