// Events in the format of server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html
import FleetCore
import HTTPTypes
import Hummingbird
import JSON

struct EventStream: Sendable {
  /// Between two comments that keep the connection open while nothing happens.
  static let silence = Duration.seconds(15)

  let host: FleetHost
  let filter: EventFilter
  let place: FleetEvent.ID?

  var response: Response {
    var headers: HTTPFields = [.contentType: "text/event-stream", .cacheControl: "no-store"]
    // Proxies collect what they pass on, unless they are told not to.
    if let name = HTTPField.Name("X-Accel-Buffering") { headers[name] = "no" }
    return Response(
      status: .ok, headers: headers,
      body: ResponseBody { writer in
        try await write(to: &writer)
        try await writer.finish(nil)
      })
  }

  /// A client that does not read holds up this task alone, which waits for room before it looks for more.
  private func write(to writer: inout any ResponseBodyWriter) async throws {
    let reader = try host.follow(after: place, filter, patience: Self.silence)
    // The id alone, so that whoever loses the connection before the first event misses none.
    try await writer.write(ByteBuffer(string: "retry: 1000\nid: \(reader.place)\n\n"))
    var lastWrite = ContinuousClock.now
    while let items = try await reader.next() {
      var text = items.map(Self.text).joined()
      if text.isEmpty {
        guard ContinuousClock.now - lastWrite >= Self.silence * 0.9 else { continue }
        text = ": nothing new\n\n"
      }
      try await writer.write(ByteBuffer(string: text))
      lastWrite = .now
    }
  }

  /// JSON has no line breaks, so that one line of data holds it.
  private static func text(_ item: EventReader.Item) -> String {
    switch item {
    case .event(let event): "id: \(event.id)\nevent: \(event.kind.rawValue)\ndata: \(event.json.text())\n\n"
    case .reset(let place):
      "id: \(place)\nevent: reset\ndata: \(reset(place).text())\n\n"
    }
  }

  private static func reset(_ place: FleetEvent.ID) -> JSON {
    [
      "id": .string(place.description), "type": "reset",
      "oldest": .string(FleetEvent.ID(run: place.run, number: place.number + 1).description),
      "detail": "events that you have not seen are gone; look at everything again, and go on from here",
    ]
  }
}
