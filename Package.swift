// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "cairn",
  products: [
    .library(name: "Cairn", targets: ["Cairn"])
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1")
  ],
  targets: [
    .target(name: "CairnSystem", linkerSettings: [.linkedLibrary("z"), .linkedLibrary("zstd")]),
    .target(
      name: "CairnCore",
      dependencies: ["CairnSystem", .product(name: "SystemPackage", package: "swift-system")]),
    .target(name: "CairnFormats", dependencies: ["CairnCore", "CairnSystem"]),
    .target(name: "Cairn", dependencies: ["CairnCore", "CairnFormats"]),
    .testTarget(
      name: "CairnFormatsTests", dependencies: ["CairnFormats"], exclude: []),
    .testTarget(name: "CairnTests", dependencies: ["Cairn"]),
  ],
  swiftLanguageModes: [.v6]
)
