// The content of kernel_info_reply.
import JSON
import JupyterProtocol

enum KernelInfo {
  static let version = "0.1.0"

  /// - Parameter release: of Lua, such as `Lua 5.4`.
  static func reply(release: String) -> [UInt8] {
    let number = release.split(separator: " ").last.map(String.init) ?? release
    let reply: JSON = [
      "status": "ok",
      "protocol_version": .string(MessageSession.protocolVersion),
      "implementation": "fleet-kernel",
      "implementation_version": .string(version),
      "language_info": [
        "name": "lua", "version": .string(number), "mimetype": "text/x-lua", "file_extension": ".lua",
        "pygments_lexer": "lua", "codemirror_mode": "lua",
      ],
      "banner": .string("\(release), kernel of Fleet \(version)"),
      "debugger": false,
      "supported_features": [],
      "help_links": [["text": "Lua Reference Manual", "url": "https://www.lua.org/manual/5.4/"]],
    ]
    return reply.encoded()
  }
}
