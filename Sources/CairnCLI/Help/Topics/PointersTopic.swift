extension HelpTopic {
  static let pointers = HelpTopic(
    name: "pointers", abstract: "The small files that stand for checkpoints",
    text: """
      The Python plugin leaves a pointer file of 1 to 2 KB at the path that it saves to, and so does `cairn watch --replace`. It is a PyTorch file that loads as the checkpoint it names, wherever the package cairn-ckpt is installed: torch.load, load_from_checkpoint, map_location and weights_only work on it.

      A pointer holds its version: that is freed when the plugin overwrites or removes the file, or when `cairn rm` of the file is called, and not before.

        cairn cp last.ckpt keep/            another pointer, which holds a version of its own
        cairn cp --pointer last.ckpt@7 x    a pointer to a checkpoint that has none
        cairn rm last.ckpt                  unlinks the pointer, then frees what it holds
        cairn restore last.ckpt             makes a real file of it
        cairn gc --pointers DIR             versions whose pointers were deleted

      A copy by cp, or on another machine, is not counted: it works as long as the version is there, and does not keep it there. When it is gone, `cairn log --removed` says when it went and by whom.

      A pointer that was moved finds its repository by its place, the way from itself to it, or the list in ~/.config/cairn/repositories. The repository has to belong to you or to be trusted. Deleting pointers by rm frees nothing: `cairn gc --pointers` finds such versions, and removes them with --remove.

      Only a saved state or a PyTorch file can have a pointer: nothing could follow one to a safetensors file.
      """)
}
