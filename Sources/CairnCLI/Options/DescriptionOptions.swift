import ArgumentParser
import Cairn

/// What is said of a checkpoint beside its content.
struct DescriptionOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The training run it belongs to.", valueName: "run"), completion: Completions.run)
  var run: String?

  @Option(help: ArgumentHelp("The training step.", valueName: "n"))
  var step: Int?

  @Option(help: ArgumentHelp("The epoch.", valueName: "n"))
  var epoch: Int?

  @Option(
    name: .customLong("metric"), parsing: .singleValue,
    help: ArgumentHelp("A number that says how good it is. May be repeated.", valueName: "name=value"),
    completion: Completions.metric)
  var metrics: [Metric] = []

  @Option(
    name: .customLong("tag"), parsing: .singleValue,
    help: ArgumentHelp("A name that points to it from now on. May be repeated.", valueName: "tag"),
    completion: Completions.tag)
  var tags: [String] = []

  @Option(
    name: .customLong("meta"), parsing: .singleValue,
    help: ArgumentHelp("Something else to be known of it. May be repeated.", valueName: "key=value"))
  var metadata: [KeyValue] = []

  func apply(to request: inout SaveRequest) {
    request.run = run
    request.step = step
    request.epoch = epoch
    for metric in metrics { request.metrics[metric.name] = metric.value }
    request.tags = tags
    for entry in metadata { request.metadata[entry.key] = entry.value }
  }
}
