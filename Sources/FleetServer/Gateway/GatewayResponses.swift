// Answers in the shapes that Jupyter's clients expect, and what they put into paths.
import FleetCore
import FleetEngine
import HTTPTypes
import Hummingbird
import JSON

extension Response {
  /// A document that is encoded already.
  init(json bytes: [UInt8]) {
    self.init(
      status: .ok, headers: [.contentType: "application/json; charset=utf-8"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }

  /// 201, and where the document is from now on.
  init(created document: JSON, at path: String) {
    self.init(document: document, status: .created)
    if let id = document["id"]?.string { headers[.location] = path + id }
  }

  /// A logo or a script. A picture is only a picture, even if it was opened as a page of its own.
  init(_ resource: KernelspecResource) {
    self.init(
      status: .ok,
      headers: [
        .contentType: resource.type, .xContentTypeOptions: "nosniff",
        .contentSecurityPolicy: "default-src 'none'; style-src 'unsafe-inline'; sandbox",
      ],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: resource.bytes)))
  }
}

extension FleetContext {
  /// A part of the path, without percent signs.
  func plain(_ name: String) throws -> String {
    guard let value = parameters.get(name)?.removingPercentEncoding, !value.isEmpty else {
      throw EngineError(.badRequest, "the path is no text in UTF-8")
    }
    return value
  }
}
