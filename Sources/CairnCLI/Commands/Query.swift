import ArgumentParser
import Cairn
import Foundation

/// `cairn query`
struct Query: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "query",
    abstract: "Ask the index with SQL; it only reads.",
    usage: "cairn query [<options>] <sql> [<argument> ...]",
    discussion: """
      One SELECT of SQLite's, over the views below; - reads it from standard input. The arguments are the values for \
      its ?, one each: a number if it can be read as one, else text; after -- they may begin with -. Text in SQL goes in \
      single quotes.

        cairn query "SELECT checkpoint, step FROM checkpoints WHERE run = ?" r1
        cairn query "SELECT name, bytes FROM tensors WHERE checkpoint = 'a@2'"
        cairn query --csv "SELECT step, value FROM metrics" > metrics.csv
        cairn query --views                  the views, and what their columns hold

      \(viewsText)

      The tables behind the views may be read as well (SELECT sql FROM sqlite_schema), but change with every version. \
      Nothing can be written, attached or set. A value has at most 1 MiB, a pattern of LIKE or GLOB 50 bytes. A query that takes longer than --timeout is stopped: what it had found \
      by then is printed (a JSON list stays without its end), and the exit code is 1.

      JSON: a list of objects, one for each row, with the columns' names (a second "a" is "a_2"). CSV: RFC 4180 with a \
      heading; NULL is an empty field, an empty text is "". In both, blobs are hexadecimal digits.
      """)

  @Argument(help: ArgumentHelp("One SELECT statement, or - for standard input.", valueName: "sql"))
  var sql: String?

  @Argument(help: ArgumentHelp("Values for the statement's ?.", valueName: "argument"))
  var arguments: [String] = []

  @Flag(help: "Print comma-separated values.")
  var csv = false

  @Flag(help: "List the views and their columns.")
  var views = false

  @Option(help: ArgumentHelp("Stop after so many seconds of work; 0: never.", valueName: "seconds"))
  var timeout: Double = 60

  @OptionGroup(title: "Repository") var repository: RepositoryOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  /// SQLite's in this process, beside which there is nothing else in it: a backstop for what its own limits let through.
  private static let memory = 2 << 30

  /// The longest value, or row: more than anybody reads, and little enough that no function of SQLite's takes long over
  /// it.
  private static let valueBytes = 1 << 20

  func validate() throws {
    if csv, output.json { throw ValidationError("--csv and --json are two formats: give one") }
    if views, sql != nil { throw ValidationError("--views takes no SQL") }
    if !views, sql == nil { throw ValidationError("what to ask is missing: a SELECT statement, or --views") }
    guard timeout.isFinite, timeout >= 0 else { throw ValidationError("--timeout must be a number of seconds") }
  }

  func run() throws {
    let console = output.console
    if views { return try listViews(console) }
    let sql = try self.sql == "-" ? Self.standardInput() : self.sql ?? ""
    Repository.limitMemoryOfSQLite(to: Self.memory)
    if console.json {
      try print(sql, JSONRows(), console)
    } else if csv {
      try print(sql, CSVRows(isTerminal: Terminal.output.isTerminal), console)
    } else {
      try print(sql, TableRows(style: console.style, width: Terminal.output.width), console)
    }
  }

  private func print(_ sql: String, _ rows: some QueryRows, _ console: Console) throws {
    var rows = rows
    var limits = QueryLimits(valueBytes: Self.valueBytes)
    limits.seconds = timeout > 0 ? timeout : nil
    do {
      try repository.open(console).query(
        sql, arguments: arguments.map(Self.value), limits: limits, columns: { try rows.begin($0) },
        row: { try rows.add($0) })
    } catch {
      // What was found until then is true.
      try rows.abandon()
      throw error
    }
    try rows.finish()
  }

  private static func value(_ text: String) -> QueryValue {
    if let number = Int64(text), String(number) == text { return .integer(number) }
    // A commit such as 12345e6, or the name inf, is text.
    let looksLikeNumber = text.contains(".") || text.contains("e-")
    if looksLikeNumber, let number = Double(text), number.isFinite, text.last?.isNumber == true { return .real(number) }
    return .text(text)
  }

  private static func standardInput() throws -> String {
    // SQLite takes no more than a million bytes of SQL here.
    let data = try FileHandle.standardInput.read(upToCount: 1 << 21) ?? Data()
    return String(decoding: data, as: UTF8.self)
  }

  private func listViews(_ console: Console) throws {
    if console.json { return try console.result(json: ["views": QueryView.all.map(ViewDescription.init)]) }
    for (index, view) in QueryView.all.enumerated() {
      let heading = console.style.bold(view.name) + ": " + view.description
      try console.result((index > 0 ? "\n" : "") + heading + "\n")
      var table = Table([Table.Column(title: "column"), Table.Column(title: "what it holds", minimum: 20)])
      for column in view.columns { table.add([Table.Cell("  " + column.name), Table.Cell(column.description)]) }
      try console.result(table.lines(table.layout(width: Terminal.output.width), console.style))
    }
  }

  private struct ViewDescription: Encodable {
    struct Column: Encodable {
      var name: String
      var description: String
    }

    var name: String
    var description: String
    var columns: [Column]

    init(_ view: QueryView) {
      name = view.name
      description = view.description
      columns = view.columns.map { Column(name: $0.name, description: $0.description) }
    }
  }

  /// The views and their columns, for the help.
  private static var viewsText: String {
    QueryView.all.map { "\($0.name): \($0.columns.map(\.name).joined(separator: ", "))" }.joined(separator: "\n\n")
  }
}
