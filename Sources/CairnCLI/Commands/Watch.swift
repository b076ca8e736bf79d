import ArgumentParser
import Cairn

/// `cairn watch`
struct Watch: ParsableCommand {
  /// What is done with the files that are there when it begins.
  enum Existing: String, EnumerableFlag {
    case existing, newOnly

    static func help(for value: Existing) -> ArgumentHelp? {
      switch value {
      case .existing: "Save what is there at the start too (this is the default)."
      case .newOnly: "Save only what comes, or changes, from now on."
      }
    }
  }

  static let configuration = CommandConfiguration(
    commandName: "watch",
    abstract: "Save checkpoints that appear in a directory, once they are complete.",
    usage: "cairn watch [<options>] <dir>",
    discussion: """
      For a trainer that knows nothing of Cairn: start it beside the training, on the directory that the checkpoints \
      are written to. Directories in it are watched too.

        cairn watch runs/7 --run resnet-7
        cairn watch runs/7 --include '*.bin' --include '*.safetensors' --keep-versions 3
        cairn watch runs/7 --replace             files become pointers of 1 to 2 KB
        cairn watch runs/7 --once                save what is complete, and end
        cairn watch runs/7 --json | jq -r 'select(.event == "saved").name'

      A file is saved when it has not changed for the settle time, nobody has it open for writing, and it does not look \
      cut short; one that changes while it is read is read again later. A file that is what the newest version of its \
      name is already is not saved again. A file that is deleted, or goes before it was saved, is no error, and its \
      versions stay: `cairn prune` and --keep-versions remove them.

      A pattern with a slash is one for the path below the directory, any other one for the last part of it. Pointer \
      files, symbolic links, hidden files and directories, repositories, and files with .tmp or .part in their names \
      are left out; --verbose says so.

      With --replace a pointer file takes the place of each PyTorch file, once its version is durable and if the file \
      has not changed meanwhile: `torch.load` reads it where the Python package cairn-ckpt is installed, `cairn \
      restore` makes a file of it again. It holds all versions of that file: `cairn rm` of it frees them. Other files \
      (safetensors) stay as they are, since nothing could follow a pointer to them.

      The kernel tells of changes (inotify). On network filesystems, where other machines write, and where the kernel \
      has no watches left, all files are looked at every 10 seconds, or as often as --poll says.

      Control-C, or SIGTERM, ends it after the save in progress; a second one gives that up, a third one ends at once.

      JSON: one object a line. event is watching (directory, mode, interval), saved (file, id, name, path, version, \
      manifest, size, new_bytes, warnings), replaced (file, name), kept (file, reason), unchanged (file, name), waiting \
      (file, reason), failed (file, error, reason, advice, retry), gone (file), ignored (file, reason), polling \
      (interval, reason), rescanned, or stopped (saved, failed); each has time.
      """)

  @Argument(help: ArgumentHelp("The directory.", valueName: "dir"), completion: .directory)
  var directory: String

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "Names that are checkpoints; instead of *.ckpt, *.pt, *.pth and *.safetensors. May be repeated.",
      valueName: "glob"))
  var include: [String] = []

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp("Names that are left out all the same. May be repeated.", valueName: "glob"))
  var exclude: [String] = []

  @Flag(exclusivity: .exclusive) var existing = Existing.existing

  @Flag(help: "Save what is complete now, and end.")
  var once = false

  @Flag(help: "Put pointer files in the place of PyTorch files that were saved.")
  var replace = false

  @Option(help: ArgumentHelp("For how long a file must not have changed.", valueName: "seconds"))
  var settle = 2.0

  @Option(help: ArgumentHelp("Look at all files every so often, instead of using inotify.", valueName: "seconds"))
  var poll: Double?

  @Option(
    name: .customLong("run"), help: ArgumentHelp("The training run they belong to.", valueName: "run"),
    completion: Completions.run)
  var runName: String?

  @Option(
    name: .customLong("tag"), parsing: .singleValue,
    help: ArgumentHelp("A name that points to the last one saved. May be repeated.", valueName: "tag"),
    completion: Completions.tag)
  var tags: [String] = []

  @Option(
    name: .customLong("meta"), parsing: .singleValue,
    help: ArgumentHelp("Something else to be known of them. May be repeated.", valueName: "key=value"))
  var metadata: [KeyValue] = []

  @Option(
    name: .customLong("keep-versions"),
    help: ArgumentHelp("Remove all but this many newest versions of each path; tagged ones stay.", valueName: "n"))
  var keepVersions: Int?

  @Flag(help: "Take the bytes as they are, without looking into them.")
  var opaque = false

  @Flag(name: .shortAndLong, help: "Also say what is left out, and why.")
  var verbose = false

  @OptionGroup(title: "Repository") var repository: RepositoryOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func validate() throws {
    if let keepVersions, keepVersions < 1 { throw ValidationError("--keep-versions must be at least 1") }
    guard settle >= 0, settle <= 86_400 else { throw ValidationError("--settle must be 0 to 86400 seconds") }
    if let poll, !(poll >= 0.05 && poll <= 86_400) {
      throw ValidationError("--poll must be 0.05 to 86400 seconds")
    }
    if once, existing == .newOnly { throw ValidationError("--once saves what is there: it excludes --new-only") }
    if replace, opaque { throw ValidationError("--replace needs to look into files: it excludes --opaque") }
  }

  func run() throws {
    let console = output.console
    // Before other threads are made, which inherit that the signals are left to one of them.
    let stop = try WatchStop()
    Interruptions.handle { stop.request() }
    let repository = try repository.open(console)
    let bar = WatchProgress(console)
    var options = options
    options.progress = { bar.update($0, $1, $2) }
    let text = WatchEventText(console: console, verbose: verbose)
    let watch = DirectoryWatch(repository, directory: directory, options, stop: stop) { event in
      bar.finish()
      if console.json {
        try console.result(jsonLine: WatchEventView(event))
      } else {
        try text.print(event)
      }
    }
    let outcome = try watch.run()
    if once, outcome.failed > 0 { throw ExitCode.failure }
    if stop.isUrgent { throw ExitCode(130) }
  }

  private var options: WatchOptions {
    var options = WatchOptions()
    if !include.isEmpty { options.include = include }
    options.exclude = exclude
    options.settle = settle
    options.poll = poll
    options.includesExisting = existing == .existing
    options.once = once
    options.replaces = replace
    options.opaque = opaque
    options.request.run = runName
    options.request.tags = tags
    options.request.keepVersions = keepVersions
    for entry in metadata { options.request.metadata[entry.key] = entry.value }
    return options
  }
}
