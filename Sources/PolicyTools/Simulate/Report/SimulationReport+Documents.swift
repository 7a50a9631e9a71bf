// A report for programs: JSON, and the curves as CSV.
import FleetEngine
import JSON

extension SimulationReport {
  /// The whole report; `series` only if asked for.
  public func json(withSeries: Bool = true) -> JSON {
    var document: JSON = [
      "scenario": .string(name), "seed": .string(String(seed)), "duration_seconds": .double(duration),
      "policies": .object(Self.byEntry(policies) { .array($0.map(JSON.string)) }),
      "clients": clientsDocument, "wait_seconds": waits.json, "response_seconds": responses.json,
      "refusals": Self.counts(refusals), "kernels": kernelsDocument,
      "decisions": .object(Self.byEntry(entries, Self.document)), "clamps": Self.counts(clamps),
      "failures": Self.counts(failures),
      "alerts": [
        "fired": Self.counts(fired), "resolved": Self.counts(resolved),
      ],
      "slo": [
        "late_waits": JSON(lateWaits), "late_responses": JSON(lateResponses),
        "misses": .array(misses.map(JSON.string)),
      ],
    ]
    if !variant.isEmpty { document["variant"] = .string(variant) }
    if withSeries { document["series"] = .array(series.map(\.json)) }
    return document
  }

  private var clientsDocument: JSON {
    var document = Self.counts(ends)
    document["arrived"] = JSON(arrivals)
    document["unfinished"] = JSON(unfinished)
    document["success"] = .double(success)
    return document
  }

  private var kernelsDocument: JSON {
    [
      "peak": JSON(peak), "mean": .double(kernelSeconds / duration), "kernel_seconds": .double(kernelSeconds),
      "launched": JSON(launches), "failed_starts": JSON(failedStarts), "stopped": JSON(retired),
      "crashes": Self.counts(crashes), "host_restarts": JSON(hostRestarts),
    ]
  }

  private static func document(_ counts: DecisionCounts) -> JSON {
    [
      "asked": JSON(counts.asked), "answered": JSON(counts.answered), "fallbacks": JSON(counts.fallbacks),
      "clamped": JSON(counts.clamped), "outcomes": Self.counts(counts.outcomes),
    ]
  }

  private static func counts(_ counts: [String: Int]) -> JSON { .object(counts.mapValues { JSON($0) }) }

  private static func byEntry<Value>(_ values: [EntryPoint: Value], _ document: (Value) -> JSON) -> [String: JSON] {
    Dictionary(uniqueKeysWithValues: values.map { ($0.key.rawValue, document($0.value)) })
  }

  /// The curves with a line of titles; `variant` is the first column if several are compared.
  public static func csv(_ reports: [SimulationReport]) -> String {
    let isComparison = reports.count > 1
    var text = (isComparison ? "variant," : "") + "time,kernels,starting,used,clients,waiting,arrivals\n"
    for report in reports {
      for measure in report.series {
        if isComparison { text += quoted(report.variant) + "," }
        text += "\(measure.time),\(measure.kernels),\(measure.starting),\(measure.used),\(measure.clients),"
        text += "\(measure.waiting),\(measure.arrivals)\n"
      }
    }
    return text
  }

  /// RFC 4180.
  private static func quoted(_ text: String) -> String {
    guard text.contains(where: { $0 == "," || $0 == "\"" || $0 == "\n" }) else { return text }
    return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
  }
}

extension Measure {
  var json: JSON {
    [
      "time": .double(time), "kernels": JSON(kernels), "starting": JSON(starting), "used": JSON(used),
      "clients": JSON(clients), "waiting": JSON(waiting), "arrivals": JSON(arrivals),
    ]
  }
}
