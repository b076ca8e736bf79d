import ArgumentParser
import Cairn
import Glibc

/// `cairn cp`
struct Copy: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cp",
    abstract: "Make a new version of a path out of a checkpoint, sharing its bytes.",
    usage: "cairn cp [<options>] <path[@n] | pointer> <dst>",
    discussion: """
        cairn cp last.ckpt@7 released/v1
        cairn cp best candidates/7 --tag candidate

      Of a pointer file, which the Python plugin leaves at a checkpoint's path, it makes a pointer that counts: dst is \
      then a file, or a directory to put it in, and the pointer there holds a version of its own. (A copy by `cp` holds \
      nothing: the version goes when the plugin removes or replaces the first one.) What a pointer that --force \
      replaces held is freed, unless it has a tag or the file another hard link.

        cairn cp runs/7/last.ckpt keep/
        cairn cp runs/7/last.ckpt released/v1.ckpt --tag v1

      What no option gives (run, step, epoch, metrics, metadata) is the source's. Tags stay with the source.

      JSON: id, name, path, version, manifest, size, new_bytes, warnings; file, of a pointer.
      """)

  @Argument(help: ArgumentHelp("The checkpoint: a pointer file, or a path, path@n or a tag.", valueName: "path[@n]"))
  var source: String

  @Argument(
    help: ArgumentHelp("The name in the repository that gets a new version; of a pointer: the file.", valueName: "dst"))
  var destination: String

  @Flag(help: "Replace the file that is there, where a pointer is copied.")
  var force = false

  @OptionGroup var description: DescriptionOptions
  @OptionGroup(title: "Repository") var repository: RepositoryOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func run() throws {
    let console = output.console
    if let pointed = try repository.pointed(source, console) { return try copy(pointed, console) }
    let repository = try repository.open(console)
    let record = try repository.resolve(source)
    var request = SaveRequest(path: destination)
    description.apply(to: &request)
    let report = try repository.copy(PathName(path: record.path, version: record.version), request)
    console.warn(report.warnings)
    if console.json { return try console.result(json: SaveView(report)) }
    try console.message(
      "copied \(printable(record.name)) to \(printable("\(report.path)@\(report.version)")): "
        + "\(console.sizes.text(report.size)), nothing new")
  }

  private func copy(_ pointed: PointedCheckpoint, _ console: Console) throws {
    var file = destination
    if let last = lastPart(pointed.file), isDirectory(file) { file = path(in: file, last) }
    guard !isOnlyName(file, of: pointed.file) else {
      throw CairnError(.invalid, "\(file): is the pointer that is to be copied", advice: "choose another name")
    }
    try pointed.repository.requireNoPointer(pointed.record)
    var request = SaveRequest(path: file)
    description.apply(to: &request)
    let report = try pointed.repository.copy(
      pointed.record, toPointerAt: file, request, locations: pointed.pointer.locations, overwrite: force)
    console.warn(report.warnings)
    if console.json { return try console.result(json: SaveView(report, file: file)) }
    try console.message(
      "copied \(printable(pointed.record.name)) to \(printable("\(report.path)@\(report.version)")): "
        + "\(console.sizes.text(report.size)), nothing new; \(printable(file)) points to it")
  }

  /// Whether both are one file, and `path` is its only name: replacing it would take the source away.
  private func isOnlyName(_ path: String, of source: String) -> Bool {
    var first = stat()
    var second = stat()
    return lstat(path, &first) == 0 && stat(source, &second) == 0 && first.st_dev == second.st_dev
      && first.st_ino == second.st_ino && first.st_nlink == 1
  }
}
