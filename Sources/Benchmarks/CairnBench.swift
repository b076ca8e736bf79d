import ArgumentParser

/// `cairn-bench`
@main
struct CairnBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cairn-bench",
    abstract: "Measure Cairn.",
    discussion: """
      Build it and the program that it measures with optimization:

        swift build -c release --static-swift-stdlib --product cairn
        swift build -c release --static-swift-stdlib --product cairn-bench
      """,
    subcommands: [Peers.self, Scale.self])
}
