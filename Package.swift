// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "cairn",
  products: [
    .library(name: "Cairn", targets: ["Cairn"]),
    .library(name: "CairnC", type: .dynamic, targets: ["CairnC"]),
    .executable(name: "cairn", targets: ["CairnCLI"]),
    .executable(name: "cairn-bench", targets: ["CairnBench"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
  ],
  targets: [
    .target(
      name: "CairnSystem",
      linkerSettings: [
        .linkedLibrary("z"), .linkedLibrary("deflate"), .linkedLibrary("zstd"), .linkedLibrary("sqlite3"),
      ]),
    .target(
      name: "CairnMigrations", path: "Migrations", sources: ["Migrations.swift"],
      resources: [
        .embedInCode("0001_index.sql"),
        .embedInCode("0002_lookups.sql"),
        .embedInCode("0003_pointers.sql"),
        .embedInCode("0004_only_files_wait.sql"),
      ]),
    .target(
      name: "CairnCore",
      dependencies: [
        "CairnMigrations", "CairnSystem",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "GRDBSQLite", package: "GRDB.swift"),
        .product(name: "Logging", package: "swift-log"),
      ]),
    .target(name: "CairnFormats", dependencies: ["CairnCore", "CairnSystem"]),
    .target(name: "Cairn", dependencies: ["CairnCore", "CairnFormats", "CairnSystem"]),
    .target(
      name: "CairnC", dependencies: ["Cairn", .product(name: "Logging", package: "swift-log")],
      exclude: ["cairn.h", "exports.map"]),
    .executableTarget(
      name: "CairnCLI",
      dependencies: [
        "Cairn",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ]),
    .executableTarget(
      name: "CairnBench",
      dependencies: ["Cairn", .product(name: "ArgumentParser", package: "swift-argument-parser")],
      path: "Sources/Benchmarks", exclude: ["Peers", "chunk-sizes.svg"]),
    .executableTarget(
      name: "CairnFuzz", dependencies: ["Cairn", "CairnCore", "CairnFormats"], path: "Tests/Fuzz",
      exclude: ["fuzz.sh"]),
    .executableTarget(
      name: "CrashChecker",
      dependencies: ["Cairn", .product(name: "Logging", package: "swift-log")],
      path: "Tests/Crash/Checker"),
    .testTarget(name: "CairnCTests", dependencies: ["Cairn", "CairnC"], exclude: ["smoke.c"]),
    .testTarget(name: "CairnCLITests", dependencies: ["Cairn", "CairnCLI"]),
    .testTarget(name: "CairnCoreTests", dependencies: ["CairnCore"]),
    .testTarget(name: "CairnFormatsTests", dependencies: ["CairnFormats"]),
    .testTarget(name: "CairnTests", dependencies: ["Cairn"]),
  ],
  swiftLanguageModes: [.v6]
)
