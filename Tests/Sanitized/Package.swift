// swift-tools-version: 6.2
// The Lua targets and their tests alone, so that they can be built with the address sanitizer without the rest.
import PackageDescription

let strict: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]

let package = Package(
  name: "sanitized",
  platforms: [.macOS(.v15)],
  targets: [
    .systemLibrary(name: "CLua54", pkgConfig: "lua5.4"),
    .target(
      name: "CLua", dependencies: ["CLua54"], cSettings: [.treatAllWarnings(as: .error), .define("_GNU_SOURCE")]),
    .target(name: "LuaRuntime", dependencies: ["CLua"], swiftSettings: strict),
    .testTarget(name: "LuaRuntimeTests", dependencies: ["LuaRuntime"], swiftSettings: strict),
  ]
)
