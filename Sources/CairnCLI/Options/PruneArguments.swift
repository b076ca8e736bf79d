import ArgumentParser
import Cairn

extension PrunePolicy.Grouping: ExpressibleByArgument {}

extension PrunePolicy.Best: ExpressibleByArgument {
  public init?(argument: String) { self.init(parsing: argument) }
}

/// A length of time: `90m`, `7d`, `1d12h`.
struct TimeSpan: ExpressibleByArgument {
  var seconds: Double

  init?(argument: String) {
    guard let seconds = PrunePolicy.duration(parsing: argument) else { return nil }
    self.seconds = seconds
  }
}
