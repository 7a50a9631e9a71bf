// swift-tools-version: 6.2
// The Lua targets, the kernel and their tests alone, so that they can be built with the address sanitizer without the
// rest.
import PackageDescription

let strict: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]
let strictC: [CSetting] = [.treatAllWarnings(as: .error), .define("_GNU_SOURCE")]

func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: strict)
}

let package = Package(
  name: "sanitized",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
  ],
  targets: [
    .systemLibrary(name: "CZeroMQ"),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3"),
    .systemLibrary(name: "CJansson", pkgConfig: "jansson"),
    .systemLibrary(name: "CLua54", pkgConfig: "lua5.4"),
    .target(name: "CLua", dependencies: ["CLua54"], cSettings: strictC),
    .target(name: "CCurl", cSettings: strictC),
    room("JSON", ["CJansson"]),
    room("LuaRuntime", ["CLua"]),
    room("FleetConfiguration", ["JSON"]),
    room("FleetClient", ["JSON"]),
    room(
      "JupyterProtocol",
      [
        "CZeroMQ", "JSON", .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "DequeModule", package: "swift-collections"),
      ]),
    room(
      "LuaKernel", ["LuaRuntime", "JupyterProtocol", "FleetConfiguration", "FleetClient", "CSQLite", "CCurl", "JSON"]),
    .executableTarget(name: "fleet-kernel", dependencies: ["LuaKernel"], swiftSettings: strict),
    tests("LuaRuntimeTests", ["LuaRuntime"]),
    tests("LuaKernelTests", ["LuaKernel"], exclude: ["Python"]),
  ]
)
