extension HelpTopic {
  static let sql = HelpTopic(
    name: "sql", abstract: "Asking the index with SQL",
    text: """
      `cairn query` runs one SELECT of SQLite's over views that stay as they are:

        checkpoints    a row for each checkpoint: path, version, run, step, epoch, tags, sizes, times, metadata
        tensors        a row for each tensor of each checkpoint
        runs           a row for each run
        metrics        a row for each metric of each checkpoint
        blobs          a row for each stored piece of content

      `cairn query --views` lists their columns.

        cairn query "SELECT checkpoint, step FROM checkpoints WHERE run = ?" r1
        cairn query --csv "SELECT step, value FROM metrics WHERE name = 'f1'" > f1.csv
        cairn query --json "SELECT run, count(*) AS n FROM checkpoints GROUP BY run"

      Metadata is JSON: SQLite's -> and ->> go into it. Text stands in single quotes; give values that come from elsewhere as arguments, one for each ?.

      The index is opened so that nothing can be written, attached, set or loaded. A query that takes longer than --timeout is stopped.

      The tables behind the views may be read too, but change with every version of Cairn. index.sqlite is a cache: changing it with another program is undone by the next `cairn reindex`, or worse.
      """)
}
