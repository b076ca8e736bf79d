extension HelpTopic {
  static let retention = HelpTopic(
    name: "retention", abstract: "What stays, what goes, and when its bytes are free",
    text: """
      Nothing goes by itself, but for two settings: --keep-versions of `cairn save` and `cairn watch`, which removes older versions of the path that was saved, and keep_versions of the Python plugin, 1 by default, since a last.ckpt that is overwritten should free its space.

        cairn rm PATH[@n]      removes what it names
        cairn prune RULES      removes what no rule keeps; --dry-run shows it first
        cairn gc               takes away what crashes left, and packs small pieces anew

      Rules of `cairn prune` are applied to each run by itself, or where there is no run to each path; a checkpoint stays if any of them keeps it. Tagged checkpoints always stay, incomplete ones too, and those that pointer files hold unless --pointers is given.

      Removing frees the bytes that no other checkpoint needs, at once, and never more: what removing a checkpoint would free is what `cairn prune --dry-run` says. A program that has the checkpoint mapped keeps its bytes until it ends.

      A removed version never comes back, its number is not given again, and the log goes on saying what was removed, when, by whom and on which host: `cairn log --removed`.
      """)
}
