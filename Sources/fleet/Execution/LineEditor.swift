// Reading lines from people: with GNU readline where it is installed, else plainly.
import Glibc
import JupyterProtocol

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
    return InputReader.line().map { .line($0) } ?? .end
  }

  func remember(_ text: String) {}
}

/// GNU readline, loaded on first use: most commands never need it, and its licence is not ours to link.
///
/// Its callback interface is used, because `readline()` itself stays in its read after Ctrl-C.
final class ReadlineReader: LineReader {
  private typealias LineHandler = @convention(c) (UnsafeMutablePointer<CChar>?) -> Void
  private typealias Install = @convention(c) (UnsafePointer<CChar>?, LineHandler) -> Void
  private typealias Call = @convention(c) () -> Void
  private typealias TakeText = @convention(c) (UnsafePointer<CChar>?) -> Void
  private typealias UseFile = @convention(c) (UnsafePointer<CChar>?) -> Int32

  /// What readline's callback leaves; it can carry nothing with it. Used by one thread, between two calls of readline.
  nonisolated(unsafe) private static var answer: PromptAnswer?
  nonisolated(unsafe) private static var removeHandler: Call?

  private let install: Install
  private let readCharacter: Call
  private let remove: Call
  private let addHistory: TakeText
  private let writeHistory: UseFile
  private let historyFile: String
  private let interruption: Wakeup

  /// - Parameter historyFile: where entries of earlier sessions are kept.
  /// - Returns: nil where readline is not installed.
  init?(historyFile: String) {
    guard let library = dlopen("libreadline.so.8", RTLD_NOW), let interruption = try? Wakeup() else { return nil }
    func symbol<Kind>(_ name: String, _ kind: Kind.Type) -> Kind? {
      // Each name is looked up with the type that readline's headers give it.
      dlsym(library, name).map { unsafeBitCast($0, to: kind) }
    }
    guard let install = symbol("rl_callback_handler_install", Install.self),
      let readCharacter = symbol("rl_callback_read_char", Call.self),
      let remove = symbol("rl_callback_handler_remove", Call.self),
      let addHistory = symbol("add_history", TakeText.self), let readHistory = symbol("read_history", UseFile.self),
      let writeHistory = symbol("write_history", UseFile.self),
      let catchesSignals = dlsym(library, "rl_catch_signals")?.assumingMemoryBound(to: Int32.self)
    else { return nil }
    self.install = install
    self.readCharacter = readCharacter
    self.remove = remove
    self.addHistory = addHistory
    self.writeHistory = writeHistory
    self.historyFile = historyFile
    self.interruption = interruption
    Self.removeHandler = remove
    catchesSignals.pointee = 0
    _ = readHistory(historyFile)
  }

  func read(_ prompt: String) -> PromptAnswer {
    Self.answer = nil
    return Interruption.signalling(interruption) {
      install(prompt) { text in
        // Here, because readline would show its prompt again after this callback.
        ReadlineReader.removeHandler?()
        ReadlineReader.answer = text.map { .line(String(cString: $0)) } ?? .end
        free(text)
      }
      while true {
        if let answer = Self.answer { return answer }
        var entries = [STDIN_FILENO, interruption.descriptor].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        guard poll(&entries, 2, -1) > 0 else { continue }  // a signal; which one is seen in the next round
        if entries[1].revents != 0 {
          Output.write("^C\n")  // before readline puts the cursor at the line's beginning
          remove()
          return .interrupted
        }
        readCharacter()
      }
    }
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
