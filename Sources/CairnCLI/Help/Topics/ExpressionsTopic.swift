extension HelpTopic {
  static let expressions = HelpTopic(
    name: "expressions", abstract: "What --where and --sort take",
    text: """
      An expression compares what is known of a checkpoint with values:

        cairn log --where "step > 1000 and val_loss < 0.3 and run = 'sweep-4'"
        cairn log --where "hyper_parameters.lr >= 1e-4 and created > 7d ago"
        cairn log --where "run like 'sweep-%' and not (tag = 'best' or size > 2 GiB)"

      Conditions are joined by and, or, not and parentheses. A condition is one of

        NAME = VALUE               also != <> < <= > >=, and with the value on the left
        NAME in (VALUE, …)         also not in
        NAME between A and B       both included; also not between
        NAME like 'text'           % is any text, _ any one character; also not like
        NAME glob 'text'           * ? [a-z]; also not glob
        NAME is null               there is no such value; also is not null

      A name is first a column:

        id, name (path@n), path, version, run, parent
        kind, state, host, user, manifest
        step, epoch, size, new_bytes, tensors    numbers; sizes are bytes
        created                                  when it was saved
        tags, tag                                tag = 'x' asks whether there is such a tag

      else a metric (metrics.NAME says so where a column has the name), else a path into the metadata: first what was given with the checkpoint (metadata.NAME), then what was read out of it (extracted.NAME). Paths go into objects with points and into lists with brackets: hyper_parameters.optimizer.betas[0]. Odd names stand in double quotes: callbacks."a b".best. A name that no checkpoint has is an error that lists those that there are.

      Text stands in single quotes, a quote in it is doubled. Numbers may have an exponent, sizes a unit: 10 MB, 2 GiB. true and false are values too. created takes a date (2026-05-01), a time in UTC (2026-05-01T12:00), or a time ago in s, m, h, d or w (36h ago).

      A comparison with a value that is not there, or of another type, is no match, and neither is its opposite.

      --sort takes a name: smallest first; -NAME or NAME:desc is largest first. Checkpoints without the value come last.

      Expressions are compiled to SQL with all values bound: nothing in one can change anything, or read anything else.
      """)
}
