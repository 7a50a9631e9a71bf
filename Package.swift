// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]
let strictC: [CSetting] = [
  .treatAllWarnings(as: .error), .define("_GNU_SOURCE"),
]

/// A library or executable of ours, with the settings that all of them share.
func room(_ name: String, _ dependencies: [Target.Dependency] = [], linked: [LinkerSetting] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict, linkerSettings: linked)
}

func cRoom(_ name: String, _ dependencies: [Target.Dependency] = [], linked: [LinkerSetting] = []) -> Target {
  .target(name: name, dependencies: dependencies, cSettings: strictC, linkerSettings: linked)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: strict)
}

let package = Package(
  name: "fleet",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "fleet", targets: ["fleet"]),
    .executable(name: "fleet-kernel", targets: ["fleet-kernel"]),
    .executable(name: "fleet-shim", targets: ["fleet-shim"]),
    // For Benchmarks/.
    .library(name: "CZeroMQ", targets: ["CZeroMQ"]),
    .library(name: "FleetClient", targets: ["FleetClient"]),
    .library(name: "FleetCore", targets: ["FleetCore"]),
    .library(name: "FleetEngine", targets: ["FleetEngine"]),
    .library(name: "FleetServer", targets: ["FleetServer"]),
    .library(name: "JSON", targets: ["JSON"]),
    .library(name: "JupyterProtocol", targets: ["JupyterProtocol"]),
    .library(name: "PolicyHost", targets: ["PolicyHost"]),
    .library(name: "PolicyTools", targets: ["PolicyTools"]),
    // Preloaded into hosts by Tests/FleetFaultTests.
    .library(name: "FleetFaults", type: .dynamic, targets: ["CFleetFaults"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    // Libraries of the system.
    .systemLibrary(name: "CZeroMQ", providers: [.apt(["libzmq3-dev"])]),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(name: "CJansson", pkgConfig: "jansson", providers: [.apt(["libjansson-dev"])]),
    .systemLibrary(name: "CLua54", pkgConfig: "lua5.4", providers: [.apt(["liblua5.4-dev"])]),

    // C of ours: what Swift cannot do safely.
    cRoom("CLua", ["CLua54"]),
    cRoom("CFleetSystem"),
    cRoom("CCurl"),
    .executableTarget(
      name: "fleet-shim", cSettings: strictC + [.define("_FORTIFY_SOURCE", to: "0")],
      linkerSettings: [.unsafeFlags(["-static-executable", "-nostartfiles"])]),

    // The pure parts.
    room("JSON", ["CJansson"]),
    room(
      "FleetEngine",
      [
        .product(name: "OrderedCollections", package: "swift-collections"),
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "HeapModule", package: "swift-collections"),
      ]),
    room("FleetDocuments", ["FleetEngine", "JSON"]),
    room("FleetConfiguration", ["JSON"]),
    room("LuaRuntime", ["CLua"]),

    // The edge.
    room(
      "JupyterProtocol",
      [
        "CZeroMQ", "JSON", .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "DequeModule", package: "swift-collections"),
      ]),
    room("FleetClient", ["JSON"]),
    room(
      "LuaKernel",
      ["LuaRuntime", "JupyterProtocol", "FleetConfiguration", "FleetClient", "CSQLite", "CCurl", "JSON"]),
    room("PolicyHost", ["FleetEngine", "LuaRuntime", .product(name: "Crypto", package: "swift-crypto")]),
    room("PolicyTools", ["FleetEngine", "FleetDocuments", "FleetConfiguration", "LuaRuntime", "PolicyHost", "JSON"]),
    room(
      "FleetCore",
      [
        "FleetEngine", "FleetDocuments", "FleetConfiguration", "JupyterProtocol", "CFleetSystem", "CCurl", "JSON",
        .product(name: "GRDB", package: "GRDB.swift"), .product(name: "Logging", package: "swift-log"),
      ]),
    room(
      "FleetServer",
      [
        "FleetCore", "JupyterProtocol", "PolicyHost", .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOWebSocket", package: "swift-nio"),
        .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ]),

    // Executables: arguments in, one composition root each.
    .executableTarget(
      name: "fleet",
      dependencies: [
        "FleetServer", "FleetClient", "JupyterProtocol", "LuaKernel", "PolicyTools",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: strict),
    .executableTarget(
      name: "fleet-kernel",
      dependencies: ["LuaKernel"], swiftSettings: strict),

    tests("JSONTests", ["JSON"]),
    tests("FleetEngineTests", ["FleetEngine"]),
    tests("FleetDocumentsTests", ["FleetDocuments"]),
    tests("FleetConfigurationTests", ["FleetConfiguration"]),
    tests("LuaRuntimeTests", ["LuaRuntime"]),
    tests("JupyterProtocolTests", ["JupyterProtocol"]),
    tests("FleetClientTests", ["FleetClient"]),
    tests("PolicyHostTests", ["PolicyHost"]),
    tests("PolicyToolsTests", ["PolicyTools"]),
    tests("FleetCoreTests", ["FleetCore"]),
    tests("FleetServerTests", ["FleetServer"]),
    tests("LuaKernelTests", ["LuaKernel"], exclude: ["Python"]),
    tests("FleetCommandTests", ["fleet", "fleet-kernel", "FleetClient", "JupyterProtocol"]),
    // Hosts that are killed, and whose disks fail.
    .target(name: "CFleetFaults", path: "Tests/CFleetFaults", cSettings: strictC),
    .executableTarget(name: "fleet-shim-faults", path: "Tests/fleet-shim-faults", cSettings: strictC),
    tests("FleetFaultTests", ["JSON", "FleetClient", "JupyterProtocol"]),
    // Real processes: the built executables, real kernels, Python clients.
    tests("FleetTests", ["JSON"], exclude: ["Python", "schemathesis.toml"]),
  ]
)
