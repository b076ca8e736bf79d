import ArgumentParser
import Cairn

/// `cairn rm`
struct Remove: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rm",
    abstract: "Remove checkpoints, and free what only they need.",
    usage: "cairn rm [<options>] <path[@n] | file> ...",
    discussion: """
      PATH removes all its versions, PATH@n that one. They never come back, and their numbers are not given again.

        cairn rm last.ckpt@2 last.ckpt@3
        cairn rm old/run.ckpt

      Where a pointer file lies, or a full file (files="full" of the Python plugin), its name means the file: that is \
      unlinked, and then the versions are freed that it holds, but for those with a tag, and none while the file has \
      another hard link. Of a symbolic link only the link goes. PATH@n is the version, and leaves the file.

        cairn rm runs/7/last.ckpt

      If one of several names is not there, nothing is removed, unless --force is given.

      JSON: removed (a list of path@n), files (that were unlinked), freed_files, freed_bytes (in the repository), \
      warnings.
      """)

  @Argument(
    help: ArgumentHelp("What to remove: names in the repository, or files.", valueName: "path[@n]"),
    completion: Completions.checkpoint)
  var names: [String]

  @Flag(name: .shortAndLong, help: "Do not mind what is not there.")
  var force = false

  @OptionGroup(title: "Repository") var repository: RepositoryOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func run() throws {
    let console = output.console
    // All of them are looked up before anything goes.
    let (files, others) = try sorted(console)
    let removal = try remove(others, console, then: files)
    console.warn(removal.warnings)
    let unlinked = files.map(\.file)
    if console.json { return try console.result(json: RemovalView(removal, files: unlinked)) }
    for name in unlinked + removal.removed { try console.message("removed \(printable(name))") }
    try console.message(
      "freed \(console.sizes.text(removal.freed.bytes)) in \(counted(removal.freed.files, "file"))")
  }

  /// The arguments that are files that hold versions, each file once, and those that are names.
  private func sorted(_ console: Console) throws -> (files: [HoldingFile], names: [String]) {
    var files: [HoldingFile] = []
    var others: [String] = []
    var seen: Set<ExactName> = []
    for name in names {
      guard let file = try repository.holding(name, console) else {
        others.append(name)
        continue
      }
      if seen.insert(ExactName(PathName.absolute(name))).inserted { files.append(file) }
    }
    return (files, others)
  }

  private func remove(_ names: [String], _ console: Console, then files: [HoldingFile]) throws -> Repository.Removal {
    var all = Repository.Removal()
    func add(_ removal: Repository.Removal) {
      all.removed += removal.removed
      all.freed.files += removal.freed.files
      all.freed.bytes += removal.freed.bytes
      all.warnings += removal.warnings
    }
    if !names.isEmpty {
      let repository = try repository.open(console)
      let found = try names.compactMap { try name($0, in: repository) }
      let progress = console.progress("unlinking files", of: .things)
      defer { progress.finish() }
      add(try repository.remove(found) { progress.update($0, $1) })
    }
    for file in files { add(try file.repository.removePointer(at: file.file, holding: file.pointer)) }
    return all
  }

  private func name(_ argument: String, in repository: Repository) throws -> PathName? {
    do {
      return try repository.requirePath(argument) { "name the checkpoint: cairn rm \($0.name)" }
    } catch let error as CairnError where force && (error.kind == .notFound || error.kind == .removed) {
      return nil
    }
  }
}

/// What a removal has done, in JSON.
struct RemovalView: Encodable {
  var removed: [String]
  var files: [String]
  var freedFiles: Int
  var freedBytes: Int
  var warnings: [String]

  init(_ removal: Repository.Removal, files: [String] = []) {
    removed = removal.removed
    self.files = files
    freedFiles = removal.freed.files
    freedBytes = removal.freed.bytes
    warnings = removal.warnings
  }
}
