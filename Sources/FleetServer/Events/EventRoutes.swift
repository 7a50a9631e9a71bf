// What happens, as it happens: a stream of server-sent events, or a page of those that were.
import FleetCore
import FleetEngine
import HTTPTypes
import Hummingbird
import JSON

func addEventRoutes(to router: Hummingbird.Router<FleetContext>, _ host: FleetHost) {
  router.get("events") { request, context in
    var filter = EventFilter(kinds: try request.kinds("type"), owner: context.viewer.owner)
    if let kernel = request.uri.queryParameters["kernel"].map({ String($0) }) {
      filter.kernel = try await host.subject(kernel, as: context.viewer)
    }
    let place = try request.place()
    guard request.wantsStream else {
      let limit = try request.count("limit", default: 100, most: 1000)
      // What happens while the past is read from the disk is for the next page.
      let before = host.events.last
      let events = try await host.events(after: place, filter, limit: limit)
      let next = events.last?.id ?? place ?? before
      return Response(document: ["events": .array(events.map(\.json)), "next": .string(next.description)])
    }
    // Once the stream has begun there is no other answer any more.
    guard host.events.hasRoom else {
      throw EngineError(.tooManyRequests, "as many clients as can be follow the events already; try again later")
    }
    return EventStream(host: host, filter: filter, place: place).response
  }
}

extension Request {
  /// A stream, unless JSON is what the client accepts.
  fileprivate var wantsStream: Bool {
    let accepted = headers[values: .accept].joined(separator: ",").lowercased()
    return accepted.contains("text/event-stream") || !accepted.contains("json")
  }

  /// The event that the client saw last: `?after=`, or what a browser sends when it connects again.
  fileprivate func place() throws(EngineError) -> FleetEvent.ID? {
    let text: String? = uri.queryParameters["after"].map { String($0) } ?? headers[.lastEventID]
    // A browser that has seen nothing yet says so by an empty header.
    guard let text, !text.isEmpty || uri.queryParameters.has("after") else { return nil }
    guard let id = FleetEvent.ID(text) else {
      throw EngineError(.badRequest, "'\(text)' is no event; its id looks like 1764234438123-17")
    }
    return id
  }

  /// `?type=died,restarted`, or several of them.
  fileprivate func kinds(_ name: String) throws(EngineError) -> Set<FleetEvent.Kind>? {
    let names = uri.queryParameters.getAll(name).flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }
    if names.isEmpty { return nil }
    var kinds: Set<FleetEvent.Kind> = []
    for text in names.map(String.init) {
      guard let kind = FleetEvent.Kind(rawValue: text) else {
        let known = FleetEvent.Kind.allCases.map(\.rawValue).sorted().joined(separator: ", ")
        throw EngineError(.badRequest, "\(name)=\(text) is none of \(known)")
      }
      kinds.insert(kind)
    }
    return kinds
  }
}

extension HTTPField.Name {
  static var lastEventID: Self {
    guard let name = Self("Last-Event-ID") else { preconditionFailure("it is a name of a header") }
    return name
  }
}
