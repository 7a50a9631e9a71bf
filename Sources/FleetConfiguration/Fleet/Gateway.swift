// [gateway] of fleet.toml: what Jupyter's clients get.

extension FleetConfiguration {
  /// The Jupyter gateway below `/api`.
  public struct Gateway: Sendable, Hashable {
    /// The route policy chooses which kernel a request gets; else each request gets one of its own.
    public var share = false
    /// What clients may set in a kernel's environment, besides the variables that its config names: names, or
    /// beginnings of names with `*` behind them.
    public var environment = ["KERNEL_*"]
    /// Where the paths of notebooks begin; with it, a kernel starts in its notebook's directory.
    public var root: String?
    /// The kernelspec of a request that names none; nil: Python if it is there, else Lua.
    public var kernelspec: String?
    /// Between two questions to the scale policies about idle kernels.
    public var cullInterval = Duration.seconds(60)
    /// A policy may cull kernels that have clients.
    public var cullConnected = false

    public init() {}
  }
}

extension TableReader {
  package mutating func gateway() throws(ConfigurationError) -> FleetConfiguration.Gateway {
    var gateway = FleetConfiguration.Gateway()
    guard var reader = try table("gateway") else { return gateway }
    gateway.share = try reader.bool("share") ?? gateway.share
    gateway.environment = try reader.stringOrStrings("env") ?? gateway.environment
    for name in gateway.environment where !Self.isVariable(name) {
      throw reader.badValue("env", "\"\(name)\" is no name of a variable; write OPENAI_API_KEY, or KERNEL_* for many")
    }
    if let root = try reader.name("root") {
      let path = FilePath.resolve(root, against: FilePath.directory(of: file))
      guard FilePath.isDirectory(path) else { throw reader.badValue("root", "there is no directory \(path)") }
      gateway.root = path
    }
    gateway.kernelspec = try reader.name("default")
    gateway.cullInterval =
      try reader.duration("cull_interval", in: .milliseconds(100) ... .seconds(86_400)) ?? gateway.cullInterval
    gateway.cullConnected = try reader.bool("cull_connected") ?? gateway.cullConnected
    try reader.finish()
    return gateway
  }

  /// A name, perhaps with `*` behind it.
  private static func isVariable(_ name: String) -> Bool {
    let plain = name.hasSuffix("*") ? name.dropLast() : name[...]
    return !name.isEmpty && plain.utf8.allSatisfy { TOMLParser.isBare($0) && $0 != UInt8(ascii: "-") }
  }
}
