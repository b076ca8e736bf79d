import ArgumentParser

/// How things are printed: the same for every command.
struct OutputOptions: ParsableArguments {
  @Flag(help: "Print one JSON document.")
  var json = false

  @Flag(help: "Print exact numbers of bytes.")
  var bytes = false

  @Flag(name: .customLong("no-color"), help: "Print no colours.")
  var noColor = false

  @Flag(name: .shortAndLong, help: "Show no progress, notices or messages of what was done.")
  var quiet = false

  var console: Console {
    Console(
      json: json, quiet: quiet, sizes: Sizes(exact: bytes),
      style: Style(enabled: !noColor && Terminal.output.wantsColor),
      errorStyle: Style(enabled: !noColor && Terminal.error.wantsColor))
  }
}
