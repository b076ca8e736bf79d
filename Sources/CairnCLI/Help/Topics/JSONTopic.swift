extension HelpTopic {
  static let json = HelpTopic(
    name: "json", abstract: "What --json prints",
    text: """
      With --json a command prints one JSON document on standard output, and nothing else there; `cairn watch` prints an object a line, each when it happens. Each command's help lists its fields.

      Names of fields are in snake case and stay as they are: new ones may come, none goes or changes its meaning. A field whose value is unknown is left out; a list without members is there, and empty.

        sizes      numbers of bytes
        times      UTC in ISO 8601 with milliseconds: 2026-05-01T12:00:00.000Z
        digests    SHA-256, 64 hexadecimal digits
        ids        128 bits, 32 hexadecimal digits
        numbers    NaN and infinities are the texts "NaN", "Infinity" and "-Infinity"

      Keys in metadata, and names of metrics, are the user's and stay as they were given.

      Errors and warnings are text on standard error, with or without --json; what went wrong a program knows by the exit code (`cairn help exit-codes`). Warnings that a program may want are in the field warnings too.

      Text in JSON is what it is; in tables, characters that a terminal would obey are shown as \\u{1b}.
      """)
}
