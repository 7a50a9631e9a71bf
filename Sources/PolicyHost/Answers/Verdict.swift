// What a policy's function returned, read and checked.

import FleetEngine
import LuaRuntime

/// What one policy made of one question.
enum Verdict: Sendable, Equatable {
  case answer(Answer, reason: String?)
  case noOpinion(reason: String)
  /// Why: a sentence, with file and line where there is one.
  case failure(String)

  /// Reads the results of a function: an answer and a reason, or nil and a reason.
  init(_ entry: EntryPoint, reading reader: inout LuaReader) {
    do throws(Malformed) {
      let answer = try Self.answer(entry, &reader)
      let reason = try Self.reason(&reader)
      if let answer {
        self = .answer(answer, reason: reason)
      } else if let reason {
        self = .noOpinion(reason: reason)
      } else {
        throw Malformed("returned nothing; return nil and a reason to leave the decision to others")
      }
    } catch {
      self = .failure(error.description)
    }
  }

  private static func answer(_ entry: EntryPoint, _ reader: inout LuaReader) throws(Malformed) -> Answer? {
    switch reader.next {
    case .end: return nil
    case .nil:
      _ = reader.value()
      return nil
    default: break
    }
    switch entry {
    // It is asked most often: read where it lies.
    case .route: return .route(try RouteAnswer(&reader))
    case .admit: return .admit(try AdmitAnswer(reader.value()))
    case .scale: return .scale(try ScaleAnswer(reader.value()))
    case .alert: return .alert(try AlertCondition.all(in: reader.value()))
    case .restart: return .restart(try RestartAnswer(reader.value()))
    }
  }

  private static func reason(_ reader: inout LuaReader) throws(Malformed) -> String? {
    switch reader.next {
    case .end: return nil
    case .nil:
      _ = reader.value()
      return nil
    case .string: return reader.text()
    default: throw Malformed("gave \(reader.value()) as its reason, where a string was expected")
    }
  }
}
