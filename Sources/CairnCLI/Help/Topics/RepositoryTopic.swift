extension HelpTopic {
  static let repository = HelpTopic(
    name: "repository", abstract: "Which repository is used, what is in it, and what keeps it sound",
    text: """
      The repository is the one that --repo names, else the one that CAIRN_REPO names, else the nearest directory .cairn here or above. A .cairn that was merely found is used only if it belongs to you, or if it is listed in ~/.config/cairn/trusted (an absolute path a line, * for all): somebody else may have put it there.

        .cairn/cairn.json      its format, id and settings
        .cairn/log.jsonl       what happened, a line each: the truth
        .cairn/index.sqlite    what the commands read; `cairn reindex` makes it anew
        .cairn/blobs/          the content, in files named by their SHA-256
        .cairn/tmp/            files that are being written
        .cairn/lock            who writes holds a lock on it

      Tensors are stored once, however many checkpoints have them; changed ones share the parts of 8 MiB that did not change (`cairn init --chunk-size`). A restored file is the saved one, bit for bit.

      When a save has returned, the checkpoint survives a power failure. When a save fails or dies, the repository is as it was: what it left in tmp is taken away by `cairn gc`. Any number of processes may save, read and remove at once.

      Check it with `cairn verify`, and all of its content with `cairn verify --read-data`.

      On network filesystems the index keeps a rollback journal instead of a write-ahead log, which `cairn init` sees to. Filesystems whose locks are local to one host (SMB, 9p, object stores, NFS mounted with nolock) are refused.
      """)
}
