// openapi.json says what there is: no route is missing, none is made up, and every reference leads somewhere.
import FleetConfiguration
import FleetCore
import FleetEngine
import Foundation
import Hummingbird
import JSON
import Logging
import Testing

@testable import FleetServer

@Suite struct DescriptionTests {
  private let document = APIDescription.document(version: "1.2.3")

  /// Nobody decides anything: the host is only there for its routes.
  private struct NoPolicies: FleetEngine.Policies {
    let entries: Set<EntryPoint> = []
    func apply(_ changes: [KernelRowChange]) {}
    func ask(_ question: PolicyQuestion, reply: @escaping @Sendable (PolicyAnswer) -> Void) { reply(PolicyAnswer()) }
    func unusable(_ path: String, _ entry: EntryPoint, why: String) {}
    func summaries() -> [PolicySummary] { [] }
  }

  private func routes() throws -> [String] {
    let path = NSTemporaryDirectory() + "fleet-routes-\(UUID().uuidString.prefix(8))"
    let directory = FleetDirectory(path: path)
    try directory.prepare()
    defer { try? FileManager.default.removeItem(atPath: path) }
    let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let host = try FleetHost(
      setup: FleetHost.Setup(
        directory: directory, configuration: FleetConfiguration(), shim: "/nonexistent", luaKernel: nil,
        locator: Locator(fleetDirectory: path), policies: NoPolicies(), environment: [:], log: log))
    let control = HostControl(version: "1.2.3", reloadPolicies: { _ in [] }, shutDown: { _ in })
    return makeRouter(host, control).routes.map { "\($0.method) \($0.path)" }
  }

  @Test func `routes and description are the same`() throws {
    let described = Set(APIDescription.operations.map { "\($0.method) \($0.path)" })
    #expect(described.count == APIDescription.operations.count, "an operation is described twice")
    let routes = Set(try routes().filter { !$0.hasPrefix("HEAD ") }.map { $0.replacing("/**", with: "/{file}") })
    #expect(routes.subtracting(described).sorted() == [], "these are not described")
    #expect(described.subtracting(routes).sorted() == [], "these do not exist")
  }

  @Test func `names of operations are unique`() {
    let ids = APIDescription.operations.map(\.id)
    #expect(Set(ids).count == ids.count)
  }

  @Test func `references lead to schemas, and no schema is for nobody`() throws {
    var used: Set<String> = []
    func follow(_ json: JSON) {
      switch json {
      case .object(let members):
        if let name = members["$ref"]?.string { used.insert(name.replacing("#/components/schemas/", with: "")) }
        members.values.forEach(follow)
      case .array(let items): items.forEach(follow)
      default: break
      }
    }
    follow(document)
    let known = Set(try #require(document["components"]?["schemas"]?.object).keys)
    #expect(used == known, "\(used.symmetricDifference(known).sorted())")
  }

  @Test func `parameters in paths are described, and are in the path`() {
    for operation in APIDescription.operations {
      let inPath = operation.path.matches(of: /\{([^}]+)\}/).map { String($0.1) }
      let described = operation.parameters.filter { $0.place == .path }
      #expect(Set(described.map(\.name)) == Set(inPath), "\(operation.path)")
      #expect(described.count { $0.isRequired } == described.count)
    }
  }

  @Test func `every answer that may come is described`() throws {
    for (path, item) in try #require(document["paths"]?.object) {
      for (method, operation) in try #require(item.object) {
        let answers = try #require(operation["responses"]?.object)
        #expect(answers.keys.contains { $0.hasPrefix("2") || $0 == "101" }, "\(method) \(path)")
        #expect(answers["400"] != nil && answers["500"] != nil, "\(method) \(path)")
        let isOpen = operation["security"]?.array?.contains([:]) == true
        #expect(isOpen == (answers["401"] == nil), "\(method) \(path)")
      }
    }
  }

  @Test func `paths lead to their methods`() {
    let index = RouteIndex.shared
    #expect(index.methods(of: "/kernels") == ["GET", "HEAD", "POST", "DELETE", "OPTIONS"])
    #expect(index.methods(of: "/kernels/alice") == ["GET", "HEAD", "DELETE", "OPTIONS"])
    #expect(index.methods(of: "/kernels/alice/restart") == ["POST", "OPTIONS"])
    #expect(index.methods(of: "/kernels/alice/nothing").isEmpty && index.methods(of: "/nothing").isEmpty)
    #expect(index.operation("HEAD", "/kernels/{kernel}")?.id == "getKernel")
    #expect(index.operation("POST", "/kernels/{kernel}") == nil)
  }
}
