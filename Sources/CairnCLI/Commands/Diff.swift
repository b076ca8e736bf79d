import ArgumentParser
import Cairn

/// `cairn diff`
struct Diff: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Show in what two checkpoints differ.",
    usage: "cairn diff [<options>] <a> <b>",
    discussion: """
      a and b are each a path, path@n, a tag, a pointer file, or a file that is not saved (.ckpt, .pt, .safetensors): \
      a name in the repository is taken first, ./NAME is the file.

        cairn diff last.ckpt@1 last.ckpt
        cairn diff best ./last.ckpt --values
        cairn diff a.safetensors b.ckpt --only 'backbone.*' --exit-code

      Tensors are told by their names, and compared by their own bytes, wherever these lie. Without --values only the \
      index and the manifests are read (and files that are not saved). What that cannot tell is listed as "changed?": \
      a tensor that lies in its storage otherwise than before, or in a chunk of it in which something else has changed.

      --values reads the tensors that differ: max |Δ| is the largest |b − a| of an element, rel L2 is ‖b − a‖ / ‖a‖, \
      both over the elements that are finite in a and b; "differ" is the share of elements that are not the same, NaN \
      and Inf count those that are new in b. A tensor whose type has changed is compared by value.

      Tags are not compared, nor, with a file, its run and metadata, which only a repository knows. With --exit-code \
      the exit code is 1 if anything differs, 0 if nothing does; other failures say so on standard error.

      JSON: a, b (names), different, unchanged, relaid (how many of the unchanged lie otherwise), metadata (a list: \
      name, a, b), tensors (a list): change (added, removed, retyped, reshaped, changed, moved), certain, name, a and b \
      (name, dtype, shape, bytes), values (count, changed, counts_bytes, share, max_abs, rel_l2, new_nan, new_inf). \
      Numbers that JSON does not have are "NaN", "Infinity" and "-Infinity".
      """)

  @Argument(
    help: ArgumentHelp("The one: a path, path@n, a tag, a pointer file, or a file.", valueName: "a"),
    completion: Completions.checkpointOrFile)
  var old: String

  @Argument(help: ArgumentHelp("The other.", valueName: "b"), completion: Completions.checkpointOrFile)
  var new: String

  @Flag(help: "Read the tensors that differ, and say how far their values have moved.")
  var values = false

  @Option(help: ArgumentHelp("Only tensors whose name is like this, and no metadata.", valueName: "glob"))
  var only: String?

  @Flag(help: "Print only how many have changed.")
  var stat = false

  @Flag(name: .customLong("exit-code"), help: "End with exit code 1 if anything differs.")
  var exitCode = false

  @OptionGroup(title: "Repository") var repository: RepositoryOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func run() throws {
    let console = output.console
    let sides = try TensorsArguments([old, new], repository, console)
    var options = DiffOptions()
    options.values = values
    options.only = only.map { Glob($0) }
    let progress = console.progress("comparing values", of: .things)
    options.progress = { progress.update($0, $1) }
    defer { progress.finish() }
    let diff = try sides.withTensors { try CheckpointDiff.between($0[0], $0[1], options) }
    progress.finish()
    if console.json {
      try console.result(json: DiffView(diff))
    } else {
      try DiffText(diff, isBrief: stat, hasValues: values).print(console)
    }
    if exitCode, diff.isDifferent { throw ExitCode(1) }
  }
}
