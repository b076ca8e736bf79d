extension HelpTopic {
  static let environment = HelpTopic(
    name: "environment", abstract: "Variables and files that Cairn looks at",
    text: """
        CAIRN_REPO         the repository, where --repo does not say; the plugin looks at it too
        CAIRN_LIBRARY      the Python package: another libCairnC to load
        NO_COLOR           if it is not empty, no colours
        TERM               dumb: no colours
        COLUMNS            how wide tables may be where the output is no terminal
        TZ                 the time zone in which tables show times
        TMPDIR             for a private copy of the index where it cannot be written
        HOME               where the files below are
        XDG_CONFIG_HOME    instead of ~/.config

        ~/.config/cairn/trusted         repositories of other users that may be used: an absolute path a line, or *
        ~/.config/cairn/repositories    repositories that pointers were made for, which helps to find them again

      Neither file is needed. The second one is written by Cairn; removing it only matters to pointers that were moved.
      """)
}
