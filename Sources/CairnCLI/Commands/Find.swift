import ArgumentParser
import Cairn
import Foundation

/// `cairn find`
struct Find: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "find",
    abstract: "Find where a tensor, a digest or a file's content occurs, over all runs.",
    usage: "cairn find [<options>] <glob | digest | file>",
    discussion: """
        cairn find '*.lm_head.weight'        which contents it ever had, and who has them
        cairn find 3f9a71c2                  what has this digest, or one that begins so, and who needs it
        cairn find downloaded.ckpt           which checkpoint is this file? who shares its tensors?

      A file or directory of this name on disk is looked for by its content: it is read and hashed as a save would. Else \
      six or more hexadecimal digits that some digest begins with are that digest: of a storage, of a chunk of one, of \
      a manifest or of a pack. Anything else is a glob over names of tensors (see `cairn ls --help`). --name, --digest \
      and --file say which is meant. "in" is in how many checkpoints; "first" and "last" are the oldest and the newest.

      JSON: one of tensors, digest, file. tensors (a list): name, dtype, shape, bytes, digest (if its storage is one \
      blob), checkpoints (how many), first, last (id, name, path, version, run, step, created); cut_short says that \
      there are more. digest: digest, kind (storage, chunk, manifest, pack, unreferenced), size, pack, \
      checkpoint_count, checkpoints (a list), tensors, cut_short. file: path, storage_count, storage_bytes, exact (the \
      checkpoints that hold this very file), checkpoint_count, shares (a list: checkpoint, storages, tensors, bytes), \
      tensors (a list: name, checkpoints).
      """)

  @Argument(
    help: ArgumentHelp("A glob over names of tensors, a digest, or a file.", valueName: "what"),
    completion: Completions.tensorOrFile)
  var what: String

  @Flag(help: "It is a glob over names of tensors.") var name = false
  @Flag(help: "It is a digest.") var digest = false
  @Flag(help: "It is a file.") var file = false

  @Option(name: .shortAndLong, help: ArgumentHelp("List so many at most.", valueName: "n"))
  var limit = 100

  @OptionGroup(title: "Repository") var repository: RepositoryOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func validate() throws {
    if limit < 1 { throw ValidationError("--limit must be at least 1") }
    if [name, digest, file].filter({ $0 }).count > 1 {
      throw ValidationError("only one of --name, --digest and --file can be meant")
    }
  }

  func run() throws {
    let console = output.console
    if file || !name && !digest && FileManager.default.fileExists(atPath: what) { return try findFile(console) }
    let repository = try repository.open(console)
    if digest || !name && looksLikeDigest {
      if let found = try repository.occurrence(ofDigest: what, limit: limit) {
        return try DigestReport(found).print(console)
      }
      if digest {
        throw CairnError(.notFound, "\(what): nothing in \(repository.path) has this digest")
      }
    }
    let found = try repository.occurrences(ofTensors: Glob(what), limit: limit)
    guard !found.tensors.isEmpty else {
      throw CairnError(
        .notFound, "\(what): no tensor of any checkpoint in \(repository.path) is called so",
        advice: "`cairn ls PATH` lists the names; globs have to match the whole name: '*\(what)*'")
    }
    if console.json { return try console.result(json: TensorsView(found)) }
    try console.result(TensorOccurrenceView.table(found.tensors, console.sizes))
    if found.isCutShort { console.warn(["there are more: --limit"]) }
  }

  private var looksLikeDigest: Bool {
    let digits = what.utf8
    return (Repository.fewestDigits...64).contains(digits.count) && what.allSatisfy { $0.isASCII && $0.isHexDigit }
  }

  private func findFile(_ console: Console) throws {
    if let pointed = try repository.pointed(what, console) {
      return try FileReport(what, pointed: CheckpointReference(pointed.record)).print(console)
    }
    let found = try repository.open(console).occurrences(ofFile: what, limit: limit)
    try FileReport(what, found).print(console)
  }

  private struct TensorsView: Encodable {
    var tensors: [TensorOccurrenceView]
    var cutShort: Bool

    init(_ found: TensorOccurrences) {
      tensors = found.tensors.map(TensorOccurrenceView.init)
      cutShort = found.isCutShort
    }
  }
}
