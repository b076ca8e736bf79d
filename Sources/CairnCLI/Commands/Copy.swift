import ArgumentParser
import Cairn
import Glibc

/// `cairn cp`
struct Copy: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cp",
    abstract: "Make a new version of a path out of a checkpoint, sharing its bytes.",
    usage: "cairn cp [<options>] <path[@n] | file> <dst>",
    discussion: """
        cairn cp last.ckpt@7 released/v1
        cairn cp best candidates/7 --tag candidate

      Of a pointer file, which the Python plugin leaves at a checkpoint's path, it makes a pointer that counts: dst is \
      then a file, or a directory to put it in, and the pointer there holds a version of its own. (A copy by `cp` holds \
      nothing: the version goes when the plugin removes or replaces the first one.) What a pointer that --force \
      replaces held is freed, unless it has a tag or the file another hard link. A full file (files="full" of the \
      plugin) becomes a full file, which holds a version of its own too.

        cairn cp runs/7/last.ckpt keep/
        cairn cp runs/7/last.ckpt released/v1.ckpt --tag v1

      With --pointer it makes a pointer file of a checkpoint that has none, or whose file is gone.

        cairn cp last.ckpt@7 keep/seven.ckpt --pointer

      What no option gives (run, step, epoch, metrics, metadata) is the source's. Tags stay with the source.

      JSON: id, name, path, version, manifest, size, new_bytes, warnings; file, if one was made.
      """)

  @Argument(
    help: ArgumentHelp("The checkpoint: a pointer file, or a path, path@n or a tag.", valueName: "path[@n]"),
    completion: Completions.checkpoint)
  var source: String

  @Argument(
    help: ArgumentHelp("The name in the repository that gets a new version; of a file: the file.", valueName: "dst"),
    completion: Completions.checkpointOrFile)
  var destination: String

  @Flag(help: "Make a pointer file at dst, whatever the source is.")
  var pointer = false

  @Flag(help: "Replace the file that is there, where one is made.")
  var force = false

  @OptionGroup var description: DescriptionOptions
  @OptionGroup(title: "Repository") var repository: RepositoryOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func run() throws {
    let console = output.console
    if let held = try repository.holding(source, console) {
      let record = try held.repository.checkpoint(held.pointer, at: held.file)
      return try copy(
        record, in: held.repository, from: held.file, locations: held.pointer.locations, full: held.isFull && !pointer,
        console)
    }
    let repository = try repository.open(console)
    let record = try repository.resolve(source)
    if pointer { return try copy(record, in: repository, from: nil, locations: [], full: false, console) }
    var request = SaveRequest(path: destination)
    description.apply(to: &request)
    let report = try repository.copy(PathName(path: record.path, version: record.version), request)
    console.warn(report.warnings)
    if console.json { return try console.result(json: SaveView(report)) }
    try console.message(
      "copied \(printable(record.name)) to \(printable("\(report.path)@\(report.version)")): "
        + "\(console.sizes.text(report.size)), nothing new")
  }

  /// Makes a file at the destination that holds a version of its own.
  private func copy(
    _ record: CheckpointRecord, in repository: Repository, from source: String?, locations: [String], full: Bool,
    _ console: Console
  ) throws {
    var file = destination
    if let last = lastPart(source ?? record.path), isDirectory(file) { file = path(in: file, last) }
    if let source, isOnlyName(file, of: source) {
      throw CairnError(.invalid, "\(file): is the file that is to be copied", advice: "choose another name")
    }
    try repository.requireNoPointer(record)
    var request = SaveRequest(path: file)
    description.apply(to: &request)
    let report = try repository.copy(
      record, toPointerAt: file, request, full: full, locations: locations, overwrite: force)
    console.warn(report.warnings)
    if console.json { return try console.result(json: SaveView(report, file: file)) }
    let what = full ? "holds it" : "points to it"
    try console.message(
      "copied \(printable(record.name)) to \(printable("\(report.path)@\(report.version)")): "
        + "\(console.sizes.text(report.size)), nothing new; \(printable(file)) \(what)")
  }

  /// Whether both are one file, and `path` is its only name: replacing it would take the source away.
  private func isOnlyName(_ path: String, of source: String) -> Bool {
    var first = stat()
    var second = stat()
    return lstat(path, &first) == 0 && stat(source, &second) == 0 && first.st_dev == second.st_dev
      && first.st_ino == second.st_ino && first.st_nlink == 1
  }
}
