import ArgumentParser
import Cairn
import Logging

/// Which repository a command works on.
struct RepositoryOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The repository, or the directory that holds it as .cairn; otherwise CAIRN_REPO, or the nearest .cairn above.",
      valueName: "dir"),
    completion: .directory)
  var repo: String?

  func open(_ console: Console) throws -> Repository {
    Repository.ownSQLite()
    return try Repository(opening: RepositoryDiscovery().repository(named: repo), logger: Self.logger(console))
  }

  static func logger(_ console: Console) -> Logger {
    Logger(label: "cairn") { _ in
      var handler = NoticeHandler(style: console.errorStyle)
      if console.quiet { handler.logLevel = .warning }
      return handler
    }
  }
}
