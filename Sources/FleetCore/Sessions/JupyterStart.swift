// What a Jupyter client says about a kernel that it wants.
import FleetEngine
import JSON

/// The body of `POST /api/kernels`. Members that are not known here are other servers' and are ignored, as Jupyter
/// Server does.
public struct JupyterStart: Sendable {
  /// A kernelspec; nil: the default one.
  public var kernelspec: String?
  /// The notebook, or the directory of one.
  public var path: String?
  /// A UUID: of a kernel that is there already, or for the new one.
  public var kernelID: String?
  public var environment: [String: String] = [:]
  /// What finds the same kernel again, where kernels are shared.
  public var session: String?
  /// Not of the body: tells whether the request came before.
  public var key: RequestKey?

  public init() {}

  /// - Throws: `badRequest` that names the member.
  public init(json: JSON) throws(EngineError) {
    guard case .object = json else {
      throw EngineError(.badRequest, "the body must be a JSON object, not \(json.kind)")
    }
    kernelspec = try json.text("name", most: 256)
    path = try json.text("path", most: 4096)
    kernelID = try json.text("kernel_id", most: 64)
    guard let variables = json["env"], !variables.isNull else { return }
    // The same checks as those of `POST /kernels`, and its words.
    do throws(EngineError) { environment = try SpawnRequest(json: ["env_vars": variables]).environment } catch {
      throw EngineError(error.code, error.message.replacing("'env_vars", with: "'env"))
    }
  }
}

extension JSON {
  /// A string member; nil if it is missing, null or empty.
  func text(_ name: String, most: Int) throws(EngineError) -> String? {
    guard let value = self[name], !value.isNull else { return nil }
    guard let text = value.string else {
      throw EngineError(.badRequest, "'\(name)' must be a string, not \(value.kind)")
    }
    guard text.unicodeScalars.count <= most else {
      throw EngineError(.badRequest, "'\(name)' is longer than \(most) characters")
    }
    guard !text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
      throw EngineError(.badRequest, "'\(name)' holds a control character")
    }
    return text.isEmpty ? nil : text
  }
}
