// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]
let strictC: [CSetting] = [.treatAllWarnings(as: .error), .define("_GNU_SOURCE")]

let package = Package(
  name: "fleet-benchmarks",
  platforms: [.macOS(.v15)],
  products: [
    // Preloaded into a host.
    .library(name: "SyncCounter", type: .dynamic, targets: ["CSyncCounter"])
  ],
  dependencies: [.package(name: "fleet", path: "..")],
  targets: [
    .target(name: "CSyncCounter", cSettings: strictC),
    .executableTarget(
      name: "fleet-benchmarks",
      dependencies: [
        .product(name: "CZeroMQ", package: "fleet"),
        .product(name: "FleetClient", package: "fleet"),
        .product(name: "FleetCore", package: "fleet"),
        .product(name: "FleetEngine", package: "fleet"),
        .product(name: "FleetServer", package: "fleet"),
        .product(name: "JSON", package: "fleet"),
        .product(name: "JupyterProtocol", package: "fleet"),
        .product(name: "PolicyHost", package: "fleet"),
      ], path: "Sources/FleetBenchmarks", swiftSettings: strict),
  ]
)
