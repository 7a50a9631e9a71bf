// Reading lines from people: with GNU readline where it is installed, else plainly.
import Glibc
import Synchronization

/// What somebody did at a prompt.
enum PromptAnswer {
  case line(String)
  /// Ctrl-C: what was typed is thrown away.
  case interrupted
  case end
}

protocol LineReader {
  func read(_ prompt: String) -> PromptAnswer
  /// Remembers what was entered, for the arrow keys.
  func remember(_ text: String)
}

/// Standard input that is no terminal, or a terminal without readline.
struct PlainReader: LineReader {
  let showsPrompts: Bool

  func read(_ prompt: String) -> PromptAnswer {
    if showsPrompts { Output.write(prompt) }
    return readLine().map { .line($0) } ?? .end
  }

  func remember(_ text: String) {}
}

/// GNU readline, loaded on first use: most commands never need it, and its licence is not ours to link.
final class ReadlineReader: LineReader {
  private typealias Read = @convention(c) (UnsafePointer<CChar>?) -> UnsafeMutablePointer<CChar>?
  private typealias TakeText = @convention(c) (UnsafePointer<CChar>?) -> Void
  private typealias UseFile = @convention(c) (UnsafePointer<CChar>?) -> Int32
  private typealias ReplaceLine = @convention(c) (UnsafePointer<CChar>?, Int32) -> Void
  private typealias Hook = @convention(c) () -> Int32

  /// What the hook of a signal needs; it can carry nothing with it. Set once, before the first prompt.
  nonisolated(unsafe) private static var replaceLine: ReplaceLine?
  nonisolated(unsafe) private static var done: UnsafeMutablePointer<Int32>?
  private static let wasInterrupted = Atomic<Bool>(false)

  private let readline: Read
  private let addHistory: TakeText
  private let writeHistory: UseFile
  private let historyFile: String

  /// - Parameter historyFile: where entries of earlier sessions are kept.
  /// - Returns: nil where readline is not installed.
  init?(historyFile: String) {
    guard let library = dlopen("libreadline.so.8", RTLD_NOW) else { return nil }
    func symbol<Kind>(_ name: String, _ kind: Kind.Type) -> Kind? {
      // Each name is looked up with the type that readline's headers give it.
      dlsym(library, name).map { unsafeBitCast($0, to: kind) }
    }
    guard let readline = symbol("readline", Read.self), let addHistory = symbol("add_history", TakeText.self),
      let readHistory = symbol("read_history", UseFile.self), let writeHistory = symbol("write_history", UseFile.self),
      let replaceLine = symbol("rl_replace_line", ReplaceLine.self),
      let done = dlsym(library, "rl_done")?.assumingMemoryBound(to: Int32.self),
      let hook = dlsym(library, "rl_signal_event_hook")?.assumingMemoryBound(to: Hook?.self)
    else { return nil }
    self.readline = readline
    self.addHistory = addHistory
    self.writeHistory = writeHistory
    self.historyFile = historyFile
    Self.replaceLine = replaceLine
    Self.done = done
    hook.pointee = {
      guard ReadlineReader.wasInterrupted.load(ordering: .relaxed) else { return 0 }
      ReadlineReader.replaceLine?("", 0)
      ReadlineReader.done?.pointee = 1
      return 0
    }
    _ = readHistory(historyFile)
  }

  func read(_ prompt: String) -> PromptAnswer {
    Self.wasInterrupted.store(false, ordering: .relaxed)
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in ReadlineReader.wasInterrupted.store(true, ordering: .relaxed) }
    var before = sigaction()
    sigaction(SIGINT, &action, &before)
    defer { sigaction(SIGINT, &before, nil) }
    guard let text = readline(prompt) else { return .end }
    defer { free(text) }
    if Self.wasInterrupted.load(ordering: .relaxed) {
      Output.write("\n")
      return .interrupted
    }
    return .line(String(cString: text))
  }

  func remember(_ text: String) {
    guard !text.allSatisfy(\.isWhitespace) else { return }
    addHistory(text)
    // After each entry, so that nothing is lost however the session ends. What people type may be secret.
    let before = umask(0o077)
    _ = writeHistory(historyFile)
    umask(before)
  }
}
