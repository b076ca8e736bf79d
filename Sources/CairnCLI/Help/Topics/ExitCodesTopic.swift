extension HelpTopic {
  static let exitCodes = HelpTopic(
    name: "exit-codes", abstract: "What a script can tell by a command's exit code",
    text: """
      \(ExitStatus.list)

      The first line of an error on standard error begins with "error:"; a line "hint:" may say what can be done.

      A command that is told to do several things stops at the first one that fails; what was done before is done, and said. `cairn watch` goes on and tries again: with --once it ends with 1 if something could not be saved; ended by a signal it ends with 0, or with 130 if it had to give up the save in progress.
      """)
}
