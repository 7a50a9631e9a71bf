// swift-tools-version: 6.2
// The engine and its simulation alone, so that a million steps run optimised without an optimised build of the rest.
import PackageDescription

let strict: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]

let package = Package(
  name: "simulated",
  platforms: [.macOS(.v15)],
  dependencies: [.package(url: "https://github.com/apple/swift-collections", from: "1.6.0")],
  targets: [
    .target(
      name: "FleetEngine",
      dependencies: [
        .product(name: "OrderedCollections", package: "swift-collections"),
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "HeapModule", package: "swift-collections"),
      ], swiftSettings: strict),
    .testTarget(
      name: "FleetEngineTests", dependencies: ["FleetEngine"], sources: ["Simulation", "Support"],
      swiftSettings: strict),
  ]
)
