import ArgumentParser
import Cairn
import Foundation

/// `cairn manual`: for those who make packages.
struct Manual: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "manual",
    abstract: "Write the manual pages into a directory.",
    usage: "cairn manual <dir>",
    discussion: """
      For packages: cairn.1, a page for each command (cairn-save.1 …) and one for each help topic (cairn-names.7 …), in \
      the language mdoc, made from the program's own help. The pages are dated by SOURCE_DATE_EPOCH where that is set, \
      so that a build can be repeated.

        cairn manual "$DESTDIR/usr/share/man/man1" --section 1
        cairn manual "$DESTDIR/usr/share/man/man7" --section 7
        cairn manual . && man ./cairn-save.1
      """,
    shouldDisplay: false)

  @Argument(
    help: ArgumentHelp("The directory; it is made if it is not there.", valueName: "dir"), completion: .directory)
  var directory: String

  @Option(help: ArgumentHelp("Only the pages of a section: 1 (commands) or 7 (topics).", valueName: "n"))
  var section: Int?

  func validate() throws {
    if let section, section != 1, section != 7 { throw ValidationError("--section must be 1 or 7") }
  }

  func run() throws {
    let epoch = ProcessInfo.processInfo.environment["SOURCE_DATE_EPOCH"].flatMap(Double.init)
    let pages = try ManualPages(date: epoch.map { Date(timeIntervalSince1970: $0) } ?? Date()).all()
    try makeDirectories(PathName.absolute(directory))
    for page in pages where section.map({ page.file.hasSuffix(".\($0)") }) ?? true {
      do {
        try Data(page.text.utf8).write(to: URL(fileURLWithPath: path(in: directory, page.file)))
      } catch let error as CocoaError {
        throw CairnError(.io, "\(path(in: directory, page.file)): cannot be written: \(error.localizedDescription)")
      }
    }
  }
}
