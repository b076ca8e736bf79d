extension HelpTopic {
  static let names = HelpTopic(
    name: "names", abstract: "What checkpoints are called: paths, versions, tags, runs",
    text: """
      A checkpoint is a version of a path. A path is a name in the repository; saving to it again makes versions 1, 2, 3 … of it. A version number is never given twice, even after the version was removed.

        last.ckpt      the newest version of last.ckpt
        last.ckpt@2    version 2
        best           what the tag best points to, if there is no path of that name

      An argument is taken as it stands if there is such a path or tag. If not, it is taken for a file: one below the directory that holds .cairn is called by its path from there, any other one by its absolute path. So in the directory runs/7, last.ckpt may mean runs/7/last.ckpt.

      Where a command takes a checkpoint, the name of a pointer file means the version that the file points to (see `cairn help pointers`).

      A name has at most 4096 bytes and no control characters. One that ends in @ and digits would read as a version and is refused; where it is a file's, the Python plugin and `cairn watch` write %40 for the @.

      A tag is a name for one checkpoint that can be moved: `cairn tag best last.ckpt@7`. A tagged checkpoint is never pruned. A run is what `--run` says at a save, or the trainer's name of it; it begins with its first checkpoint.

      `cairn mv` changes a path, `cairn tag` a tag, `cairn annotate` metrics and metadata. None of them touches what was saved.
      """)
}
