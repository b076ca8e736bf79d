import ArgumentParser
import Cairn

/// `cairn rm`
struct Remove: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rm",
    abstract: "Remove checkpoints, and free what only they need.",
    usage: "cairn rm [<options>] <path[@n]> ...",
    discussion: """
      PATH removes all its versions, PATH@n that one. They never come back, and their numbers are not given again.

        cairn rm last.ckpt@2 last.ckpt@3
        cairn rm old/run.ckpt

      If one of several names is not there, nothing is removed, unless --force is given.

      JSON: removed (a list of path@n), freed_files, freed_bytes, warnings.
      """)

  @Argument(help: ArgumentHelp("What to remove.", valueName: "path[@n]"))
  var names: [String]

  @Flag(name: .shortAndLong, help: "Do not mind what is not there.")
  var force = false

  @OptionGroup(title: "Repository") var repository: RepositoryOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func run() throws {
    let console = output.console
    let repository = try repository.open(console)
    let found = try names.compactMap { try name($0, in: repository) }
    let progress = console.progress("unlinking files", of: .things)
    defer { progress.finish() }
    let removal = try repository.remove(found) { progress.update($0, $1) }
    progress.finish()
    console.warn(removal.warnings)
    if console.json { return try console.result(json: RemovalView(removal)) }
    for name in removal.removed { try console.message("removed \(printable(name))") }
    try console.message(
      "freed \(console.sizes.text(removal.freed.bytes)) in \(counted(removal.freed.files, "file"))")
  }

  private func name(_ argument: String, in repository: Repository) throws -> PathName? {
    if let name = try repository.resolvePath(argument) { return name }
    do {
      let record = try repository.resolve(argument)
      throw CairnError(
        .invalid, "\(argument): a tag, of \(record.name)", advice: "name the checkpoint: cairn rm \(record.name)")
    } catch let error as CairnError where force && (error.kind == .notFound || error.kind == .removed) {
      return nil
    }
  }
}

/// What a removal has done, in JSON.
struct RemovalView: Encodable {
  var removed: [String]
  var freedFiles: Int
  var freedBytes: Int
  var warnings: [String]

  init(_ removal: Repository.Removal) {
    removed = removal.removed
    freedFiles = removal.freed.files
    freedBytes = removal.freed.bytes
    warnings = removal.warnings
  }
}
