// Which kernels a client wants to see.
import FleetCore
import FleetEngine
import Hummingbird
import JSON

extension Request {
  /// `?status=idle,busy&language=&pool=&owner=&name=&label=K=V&limit=&after=`
  func kernelQuery() throws(EngineError) -> KernelQuery {
    var query = KernelQuery()
    let parameters = uri.queryParameters
    for text in parameters.getAll("status").flatMap({ $0.split(separator: ",", omittingEmptySubsequences: false) }) {
      guard let status = Status(rawValue: String(text)) else {
        throw EngineError(
          .badRequest, "status=\(text) is none of \(Status.allCases.map(\.rawValue).joined(separator: ", "))")
      }
      query.statuses.insert(status)
    }
    query.language = parameters["language"].map(String.init)
    query.pool = parameters["pool"].map(String.init)
    query.owner = parameters["owner"].map(String.init)
    query.name = parameters["name"].map(String.init)
    for text in parameters.getAll("label") {
      // By code points: what is put together with the sign that follows it is no "=" as a Character.
      let parts = text.unicodeScalars.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, !parts[0].isEmpty else {
        throw EngineError(.badRequest, "label=\(text) is no label; write label=KEY=VALUE")
      }
      query.labels[String(parts[0])] = String(parts[1])
    }
    query.after = try whole("after", 0...Int.max) ?? 0
    query.limit = try whole("limit", 1...10_000)
    return query
  }

  /// Nil if it is not said.
  func whole(_ name: String, _ bounds: ClosedRange<Int>) throws(EngineError) -> Int? {
    guard let text = uri.queryParameters[name[...]] else { return nil }
    guard let number = Int(text), bounds.contains(number) else {
      let most = bounds.upperBound == .max ? "" : " to \(bounds.upperBound)"
      throw EngineError(.badRequest, "\(name)=\(text) is no number from \(bounds.lowerBound)\(most)")
    }
    return number
  }
}
