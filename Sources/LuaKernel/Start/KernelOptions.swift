// The command line of fleet-kernel. Parsed by hand: a general parser would cost a third of the kernel's start.

/// What the command line asked for wrongly.
struct UsageError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

struct KernelOptions: Sendable, Hashable {
  var daemon = false
  /// The first of five; 0 lets the system choose. Of no meaning if the connection file exists.
  var port = 9555
  var id: String?
  var config: String?
  var connectionFile: String?
  var logFile: String?
  var pidFile: String?
  var stateFile: String?
  /// Seconds without a request after which the kernel ends; 0 is never.
  var idleTimeout = 0
  /// 0 is any number.
  var maxClients = 0

  enum Command: Hashable {
    case start(KernelOptions)
    case install(KernelspecInstallation)
    case help
    case version
  }

  static let help = """
    usage: fleet-kernel start [options]
           fleet-kernel install [--user | --prefix DIRECTORY] [--name NAME]

    start (the default) starts a Lua kernel that speaks the Jupyter protocol.

      --port N                 first of five ports (default 9555; 0: the system chooses)
      --id ID                  name of the kernel (default: kernel- and eight random digits)
      --config FILE            kernel config in TOML
      -f, --connection-file F  read if it exists, else written (default: ID.json in the fleet directory)
      --daemon                 run in the background; returns when the kernel answers
      --log-file FILE          where stdout and stderr go
      --pid-file FILE          holds the process's id while the kernel runs
      --state-file FILE        where `state` is kept (default: beside the connection file)
      --idle-timeout SECONDS   end after so long without a request (default 0: never)
      --max-clients N          connections that may execute code (default 0: any number)

    install registers the kernel with Jupyter, whose clients then start it themselves.

      --user                   for this user (default)
      --prefix DIRECTORY       below DIRECTORY/share/jupyter, such as a Python environment or /usr/local
      --name NAME              name of the kernelspec (default fleet-lua)

      --help, --version

    Exit codes: 0 ended as asked, 1 failed, 2 usage, 98 a port is taken; else what a script gave to os.exit.
    """

  static func parse(_ arguments: [String]) throws(UsageError) -> Command {
    var options = KernelOptions()
    var rest = arguments[...]
    if rest.first == "install" { return try install(rest.dropFirst()) }
    if rest.first == "start" { rest.removeFirst() }
    while let argument = rest.popFirst() {
      let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      let name = parts[0]
      func value() throws(UsageError) -> String {
        if argument.hasPrefix("--"), parts.count == 2 { return parts[1] }
        guard let next = rest.popFirst() else { throw UsageError("\(name) needs a value; see fleet-kernel --help") }
        return next
      }
      func number(_ range: ClosedRange<Int>) throws(UsageError) -> Int {
        let text = try value()
        guard let number = Int(text), range.contains(number) else {
          throw UsageError("\(name) \(text): must be a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
      }
      switch name {
      case "--help", "-h": return .help
      case "--version": return .version
      case "--daemon": options.daemon = true
      // Five ports in a row must fit.
      case "--port": options.port = try number(0...65531)
      case "--id": options.id = try identifier(try value())
      case "--config": options.config = try value()
      case "--connection-file", "-f": options.connectionFile = try value()
      case "--log-file": options.logFile = try value()
      case "--pid-file": options.pidFile = try value()
      case "--state-file": options.stateFile = try value()
      case "--idle-timeout": options.idleTimeout = try number(0...1_000_000_000)
      case "--max-clients": options.maxClients = try number(0...1_000_000)
      default: throw UsageError("unknown argument \(argument); see fleet-kernel --help")
      }
    }
    return .start(options)
  }

  private static func install(_ arguments: ArraySlice<String>) throws(UsageError) -> Command {
    var installation = KernelspecInstallation()
    var rest = arguments
    while let argument = rest.popFirst() {
      let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      switch parts[0] {
      case "--help", "-h": return .help
      case "--user" where parts.count == 1: installation.place = .user
      case "--prefix", "--name":
        guard let value = parts.count == 2 ? parts[1] : rest.popFirst(), !value.isEmpty else {
          throw UsageError("\(parts[0]) needs a value; see fleet-kernel --help")
        }
        if parts[0] == "--name" { installation.name = value } else { installation.place = .prefix(value) }
      default: throw UsageError("unknown argument \(argument); see fleet-kernel --help")
      }
    }
    return .install(installation)
  }

  /// An id becomes part of file names and topics.
  private static func identifier(_ text: String) throws(UsageError) -> String {
    let isPlain = text.unicodeScalars.allSatisfy {
      $0.isASCII && ($0.properties.isAlphabetic || "0123456789._-".unicodeScalars.contains($0))
    }
    guard isPlain, let first = text.first, first != ".", text.utf8.count <= 100 else {
      throw UsageError("--id \(text): may hold letters, digits, dots, dashes and underscores")
    }
    return text
  }
}
