// Standard output and standard error: whole writes, colour only on a terminal.
import Glibc
import JSON
import Synchronization

enum Output {
  static let isTerminal = isatty(STDOUT_FILENO) == 1
  static let errorIsTerminal = isatty(STDERR_FILENO) == 1

  /// Colours are for terminals, and for those who did not say `NO_COLOR` (https://no-color.org).
  static let hasColour: Bool = {
    guard isTerminal else { return false }
    let isDumb = getenv("TERM").map { String(cString: $0) == "dumb" } ?? false
    let refused = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
    return !isDumb && !refused
  }()

  private static let cut = Atomic<Bool>(false)

  /// Whether a write was given up since the last look, because of Ctrl-C.
  static func wasCut() -> Bool { cut.exchange(false, ordering: .relaxed) }

  static func write(_ text: String) { write(text, to: STDOUT_FILENO) }

  static func write(_ text: String, to descriptor: Int32) {
    var text = text
    text.withUTF8 { write($0, to: descriptor) }
  }

  /// As they are, so that a character that is cut in two by a reader's buffer comes out whole.
  static func write(bytes: ArraySlice<UInt8>) { bytes.withUnsafeBufferPointer { write($0, to: STDOUT_FILENO) } }

  private static func write(_ bytes: UnsafeBufferPointer<UInt8>, to descriptor: Int32) {
    var (written, isSlow) = (0, false)
    while written < bytes.count {
      // Who pressed Ctrl-C while a slow terminal took this wants the kernel to be told, and not to read the rest.
      if isSlow && Interruption.isPending {
        cut.store(true, ordering: .relaxed)
        return
      }
      isSlow = true
      let count = Glibc.write(descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written)
      if count >= 0 {
        written += count
      } else if errno == EAGAIN {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&entry, 1, -1)
      } else if errno != EINTR {
        let reason = errno
        guard descriptor == STDOUT_FILENO else { return }
        // Nobody reads any more, or the disk is full: what follows would be lost as well.
        if reason != EPIPE { complain("cannot write to standard output: \(String(cString: strerror(reason)))") }
        exit(ExitStatus.failed.rawValue)
      }
    }
  }

  static func line(_ text: String) { write(text + "\n") }

  /// What a script may want to keep apart from the data.
  static func note(_ text: String) { write("fleet: \(harmless(text))\n", to: STDERR_FILENO) }

  /// Said when a host was started, whoever started it.
  /// - Parameter health: of the host.
  static func noteDamage(_ health: JSON) {
    guard let aside = health["registry_set_aside"]?.string else { return }
    let kernels = Words.count(health["total_kernels"]?.int.map(Int.init) ?? 0, "kernel")
    note("the registry was damaged and is now \(aside); \(kernels) that lived were adopted")
  }

  /// Names and words of others may hold what acts on a terminal: it is shown instead.
  static func harmless(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isHarmful) else { return text }
    return text.unicodeScalars.map { isHarmful($0) ? $0.escaped(asASCII: true) : String($0) }.joined()
  }

  private static func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.generalCategory == .control && scalar != "\n" && scalar != "\t"
  }

  static func complain(_ text: String) { note(text) }

  static func json(_ document: JSON) { write(document.text(pretty: true) + "\n") }

  enum Colour: String {
    case red = "31"
    case green = "32"
    case yellow = "33"
    case faint = "2"
    case bold = "1"
  }

  static func coloured(_ text: String, _ colour: Colour?) -> String {
    guard hasColour, let colour else { return text }
    return "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m"
  }

  /// Without the colours that kernels put into tracebacks.
  static func plain(_ text: String) -> String {
    guard text.utf8.contains(0x1B) else { return text }
    var result = String.UnicodeScalarView()
    var scalars = text.unicodeScalars[...]
    while let scalar = scalars.popFirst() {
      guard scalar == "\u{1B}", scalars.first == "[" else {
        result.append(scalar)
        continue
      }
      // A control sequence ends with a character from "@" to "~".
      scalars = scalars.dropFirst().drop { !("@"..."~").contains($0) }.dropFirst()
    }
    return String(result)
  }
}
