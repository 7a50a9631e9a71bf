// The lines of a policy that a recorded decision took: the recorded question is asked again, of the same text.
import FleetClient
import FleetConfiguration
import FleetDocuments
import FleetEngine
import Glibc
import JSON
import PolicyHost
import PolicyTools

enum DecisionLines {
  /// - Parameters:
  ///   - document: of a decision, as the host answers it.
  ///   - trace: what was recorded at that moment.
  /// - Returns: for people; empty if no policy decided.
  static func text(_ document: JSON, trace: (_ time: String) throws -> JSON) rethrows -> String {
    guard let decision = document["decision"], let path = decision["policy"]?.string,
      let hash = decision["hash"]?.string, let time = decision["time"]?.string, let id = decision["id"]?.string
    else { return "" }
    let name = FilePath.name(of: path)
    guard let file = try? AuthorFile(reading: path), policyHash(of: Array(file.text.utf8)) == hash else {
      return "\nthe lines that it took are not known: \(name) has changed since\n"  // or is gone
    }
    // A host writes what it records four times a second.
    var found = find(id, in: try trace(time))
    for _ in 0..<10 where found == nil {
      usleep(100_000)
      found = find(id, in: try trace(time))
    }
    guard let (question, answer, rows) = found else {
      return
        "\nthe lines that it took are not known: what was recorded around it is not written yet, or not kept any more\n"
    }
    let taken: LinesTaken
    do { taken = try LinesTaken(file, question, rows: rows) } catch {
      return "\nthe lines that it took are not known: \(error)\n"
    }
    guard taken.answer.answer == answer.answer, taken.answer.reason == answer.reason else {
      return "\nthe lines that it took are not known: without its memory of the time, \(name) answers differently\n"
    }
    let width = taken.lines.map { "\($0.number)".count }.max() ?? 0
    let lines = taken.lines.map { line in
      let number = "\(line.number)"
      return String(repeating: " ", count: width - number.count) + "\(number)  \(line.text)\n"
    }
    return "\nthe lines of \(name) that it took:\n" + lines.joined()
  }

  /// The question, what the policy made of it, and the kernels as they were.
  private static func find(_ id: String, in document: JSON) -> (PolicyQuestion, PolicyAnswer, [KernelRow])? {
    guard let trace = try? TraceDocument.decode(document),
      let number = id.split(separator: "-").last.flatMap({ Int($0) })
    else { return nil }  // another version of Fleet recorded it
    var rows: [String: KernelRow] = [:]
    for row in trace.rows { rows[row.uuid] = row }
    for entry in trace.entries {
      switch entry {
      case .rows(let changes):
        for change in changes {
          switch change {
          case .put(let row): rows[row.uuid] = row
          case .remove(let uuid): rows[uuid] = nil
          }
        }
      case .decision(let decision, _):
        guard decision.id == number else { continue }
        return (decision.question, decision.policy, rows.values.sorted { $0.serial < $1.serial })
      }
    }
    return nil
  }
}
