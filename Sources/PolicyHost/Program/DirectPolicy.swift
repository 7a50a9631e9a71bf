// A policy without a thread: for tests, simulations and replays.

import FleetEngine
import LuaRuntime

/// A policy file in a state of its own, asked on the caller's thread, one question after the other. It is the same
/// program that a host runs; only the thread, and the patience with it, is the caller's.
public final class DirectPolicy {
  /// What positions in errors begin with.
  public let name: String
  public let path: String
  /// SHA-256 of the text, in hexadecimal.
  public let hash: String
  private let program: PolicyProgram

  /// - Parameters:
  ///   - text: the file's text if it is at hand already.
  ///   - log: takes what the policy logs.
  ///   - probe: if there is one, the text may call the global function `__probe(number)`, and this hears the numbers:
  ///     for text that was instrumented to see which lines and branches run. Without one there is no such function.
  /// - Throws: `PolicyError` if the file cannot be read, does not load, or returns no policy.
  public init(
    path: String, text: [UInt8]? = nil, budget: PolicyBudget = PolicyBudget(),
    log: @escaping @Sendable (String) -> Void = { _ in }, probe: ((Int) -> Void)? = nil
  ) throws(PolicyError) {
    let source = if let text { PolicySource(text: text) } else { try PolicySource(path: path) }
    self.path = path
    name = fileName(of: path)
    hash = source.hash
    do throws(LuaError) {
      program = try PolicyProgram(source, name: name, budget: budget, log: log, probe: probe)
    } catch { throw PolicyError(error.message) }
  }

  /// What the file has functions for. A question to any other is answered by a failure.
  public var entries: Set<EntryPoint> { program.entries }

  /// Brings the rows up to date.
  /// - Throws: `PolicyError` if there is no memory for them.
  public func apply(_ changes: [KernelRowChange]) throws(PolicyError) {
    do throws(LuaError) { try program.apply(changes) } catch { throw PolicyError(error.message) }
  }

  public func ask(_ question: PolicyQuestion) -> PolicyAnswer {
    let (verdict, duration) = program.decide(question)
    _ = program.collectSome()
    var answer = PolicyAnswer(policy: path, hash: hash, duration: duration)
    switch verdict {
    case .answer(let given, let reason):
      answer.answer = given
      answer.reason = reason
    case .noOpinion(let reason): answer.reason = reason
    case .failure(let what): answer.failure = what
    }
    return answer
  }

  /// What the policy keeps in its table `memory`, as bytes for `restore`. What is no plain data (functions, coroutines)
  /// is left out; a kernel's row is kept as its id.
  public var memory: [UInt8] { program.memory }

  /// Puts what was saved into the table `memory`, over what the file itself has put there.
  /// - Throws: `PolicyError` if the bytes are damaged, or there is no room.
  public func restore(memory: [UInt8]) throws(PolicyError) {
    do throws(LuaError) { try program.restore(memory: memory) } catch { throw PolicyError(error.message) }
  }
}
