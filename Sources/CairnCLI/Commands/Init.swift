import ArgumentParser
import Cairn

/// `cairn init`
struct Init: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Make a repository.",
    usage: "cairn init [<options>] [<dir>]",
    discussion: """
      Makes DIR/.cairn for the checkpoints in and below DIR, or with --bare DIR itself. Which journal suits the \
      filesystem is found out: wal on a local disk, delete on a network filesystem.

        cairn init
        cairn init /data/runs
        cairn init --bare /data/checkpoints.cairn --chunk-size 4MiB

      JSON: path, id, chunk_size, journal.
      """)

  @Argument(help: ArgumentHelp("Where; this directory if it is not given.", valueName: "dir"), completion: .directory)
  var directory: String?

  @Flag(help: "Make DIR itself the repository, not DIR/.cairn.")
  var bare = false

  @Option(help: ArgumentHelp("How the index keeps its journal: wal or delete.", valueName: "mode"))
  var journal: JournalMode?

  @Option(
    name: .customLong("chunk-size"),
    help: ArgumentHelp("What tensors are cut at: a multiple of 64KiB, at most 1GiB.", valueName: "size"))
  var chunkSize = ByteCount(bytes: 8 << 20)

  @OptionGroup(title: "Output") var output: OutputOptions

  func run() throws {
    let console = output.console
    let base = PathName.absolute(directory ?? ".")
    let path = bare ? base : (base == "/" ? "" : base) + "/" + Repository.directoryName
    if !bare { try makeDirectories(base) }
    let repository = try Repository.initialize(
      path, chunkSize: chunkSize.bytes, journal: journal, logger: RepositoryOptions.logger(console))
    if console.json { return try console.result(json: View(repository)) }
    try console.message("made the repository \(printable(repository.path))")
  }

  private struct View: Encodable {
    var path: String
    var id: String
    var chunkSize: Int
    var journal: String

    init(_ repository: Repository) {
      path = repository.path
      id = repository.configuration.id
      chunkSize = repository.configuration.chunkSize
      journal = repository.configuration.journal.rawValue
    }
  }
}

extension ByteCount: CustomStringConvertible {
  var description: String { Sizes.human(bytes) }

  init(bytes: Int) { self.bytes = bytes }
}
