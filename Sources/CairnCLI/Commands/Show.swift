import ArgumentParser
import Cairn

/// `cairn show`
struct Show: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show all that is known of a checkpoint, and its tensors.",
    usage: "cairn show [<options>] <path[@n] | pointer>",
    discussion: """
        cairn show last.ckpt
        cairn show last.ckpt@2 --json | jq '.tensors[].name'

      JSON: what `cairn log` gives for it, parent_name (absent if the parent is gone), children (names), files (path, size, format) and tensors (name, dtype, shape, strides, \
      byte_offset, storage, bytes); the last two are absent if the manifest cannot be read. strides are in elements, storage \
      is a number that tensors share if they are views on the same bytes.
      """)

  @Argument(
    help: ArgumentHelp("The checkpoint: a pointer file, or a path, path@n or a tag.", valueName: "path[@n]"),
    completion: Completions.checkpoint)
  var name: String

  @OptionGroup(title: "Repository") var repository: RepositoryOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func run() throws {
    let console = output.console
    let pointed = try repository.pointed(name, console)
    let repository = try pointed?.repository ?? repository.open(console)
    let found = try pointed?.record ?? repository.resolve(name)
    guard found.state != .unreadable else {
      console.warn(["\(found.name): its manifest cannot be read; `cairn verify` says more"])
      return try show(found, nil, repository, console)
    }
    try repository.withCheckpoint(PathName(path: found.path, version: found.version)) { record, stored in
      try show(record, stored.manifest, repository, console)
    }
  }

  private func show(
    _ record: CheckpointRecord, _ manifest: Manifest?, _ repository: Repository, _ console: Console
  ) throws {
    let descent = try Descent(record, in: repository)
    if console.json { return try console.result(json: CheckpointDetailView(record, manifest, descent)) }
    try console.result(CheckpointDetails(record, manifest, descent).text(console))
  }
}
