import ArgumentParser

extension CompletionShell: @retroactive ExpressibleByArgument {}

/// `cairn completions`
struct CompletionsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "completions",
    abstract: "Print a script that has a shell complete cairn's arguments.",
    usage: "cairn completions <bash|zsh|fish>",
    discussion: """
      Paths, path@n, runs, tags and tensor names are completed from the repository: the one that --repo names on the \
      line, else that of CAIRN_REPO, else the nearest.

      bash, in ~/.bashrc:

        source <(cairn completions bash)

      zsh, once; the directory has to be in fpath before compinit is called:

        cairn completions zsh > ~/.zfunc/_cairn

      fish, once:

        cairn completions fish > ~/.config/fish/completions/cairn.fish

      For all users, packages put them into /usr/share/bash-completion/completions/cairn, \
      /usr/share/zsh/vendor-completions/_cairn and /usr/share/fish/vendor_completions.d/cairn.fish.
      """)

  @Argument(help: ArgumentHelp("Which shell.", valueName: "shell"), completion: .list(["bash", "zsh", "fish"]))
  var shell: CompletionShell

  func run() throws {
    try Terminal.output.write(CompletionScript.text(for: shell))
  }
}
