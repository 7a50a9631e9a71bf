// What policies answered, and what the host did, as JSON: the shapes in which policies write them.
import FleetEngine
import JSON

public enum AnswerDocument {
  public static func encode(_ answer: Answer) -> JSON {
    switch answer {
    case .admit(.allow(let limits)): ["allow": LimitsDocument.encode(limits)]
    case .admit(.reject(let why)), .route(.reject(let why)): ["reject": .string(why)]
    case .route(.use(let kernel)): ["use": .string(kernel)]
    case .route(.spawn(let config, let language)): ["spawn": spawn(config, language)]
    case .route(.wait(let seconds)): ["wait": .double(seconds)]
    case .scale(let answer):
      ["wanted": JSON(answer.wanted), "retire": .array(answer.retire.map(JSON.string))]
    case .alert(let conditions): ["alerts": .array(conditions.map(encode))]
    case .restart(.restart(let seconds)): ["after": .double(seconds)]
    case .restart(.giveUp(let why)): ["give_up": .string(why)]
    }
  }

  static func decode(_ entry: EntryPoint, _ reader: DocumentReader) throws(DocumentError) -> Answer {
    switch entry {
    case .admit: .admit(try admit(reader))
    case .route: .route(try route(reader))
    case .scale:
      .scale(ScaleAnswer(wanted: try reader.int("wanted"), retire: try reader.strings("retire")))
    case .alert: .alert(try conditions(reader))
    case .restart: .restart(try restart(reader))
    }
  }

  private static func spawn(_ config: String?, _ language: String?) -> JSON {
    var document = DocumentWriter()
    document.set("config", config)
    document.set("language", language)
    return document.json
  }

  private static func admit(_ reader: DocumentReader) throws(DocumentError) -> AdmitAnswer {
    if let why = try reader.optionalString("reject") { return .reject(why) }
    return .allow(limits: try LimitsDocument.decode(try reader.object("allow")))
  }

  private static func route(_ reader: DocumentReader) throws(DocumentError) -> RouteAnswer {
    if let kernel = try reader.optionalString("use") { return .use(kernel) }
    if let seconds = try reader.optionalDouble("wait") { return .wait(seconds: seconds) }
    if let why = try reader.optionalString("reject") { return .reject(why) }
    let spawn = try reader.object("spawn")
    return .spawn(config: try spawn.optionalString("config"), language: try spawn.optionalString("language"))
  }

  private static func restart(_ reader: DocumentReader) throws(DocumentError) -> RestartAnswer {
    if let why = try reader.optionalString("give_up") { return .giveUp(why) }
    return .restart(after: try reader.double("after"))
  }

  // MARK: alert

  private static func encode(_ condition: AlertCondition) -> JSON {
    var document = DocumentWriter()
    document.set("name", condition.name)
    document.set("kernel", condition.kernel)
    document.set("severity", condition.severity)
    document.set("summary", condition.summary)
    document.set("value", condition.value)
    document.set("labels", condition.labels)
    document.set("for_ns", condition.hold.nanoseconds)
    document.set("keep_firing_for_ns", condition.keepFiring.nanoseconds)
    return document.json
  }

  private static func conditions(_ reader: DocumentReader) throws(DocumentError) -> [AlertCondition] {
    var conditions: [AlertCondition] = []
    for (index, json) in try reader.array("alerts").enumerated() {
      let condition = try DocumentReader(json, at: reader.path("alerts[\(index)]"))
      conditions.append(
        AlertCondition(
          name: try condition.string("name"), kernel: try condition.optionalString("kernel"),
          severity: try condition.string("severity"), summary: try condition.string("summary"),
          value: try condition.optionalDouble("value"), labels: try condition.stringsByName("labels"),
          hold: .nanoseconds(try condition.int("for_ns")),
          keepFiring: .nanoseconds(try condition.int("keep_firing_for_ns"))))
    }
    return conditions
  }
}
