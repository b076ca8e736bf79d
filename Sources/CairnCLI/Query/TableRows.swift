import Cairn

/// Rows as a table that fits the terminal; if that cannot be had, a line for each value.
///
/// The first rows say how wide the columns are; what follows is printed as it comes, so memory stays bounded.
struct TableRows: QueryRows {
  private static let batch = 1_000
  /// Rows are printed once they have so many bytes: a thousand may have a thousand times what one may.
  private static let batchBytes = 4 << 20
  private static let minimum = 8

  private let style: Style
  private let width: Int?
  private var columns: [String] = []
  private var rows: [[QueryValue]] = []
  private var bytes = 0
  private var layout: (columns: [Table.Column], layout: Table.Layout)?
  private var isList = false
  private var done = 0

  init(style: Style, width: Int?) {
    self.style = style
    self.width = width
  }

  mutating func begin(_ columns: [String]) throws { self.columns = columns.map(printable) }

  mutating func add(_ row: [QueryValue]) throws {
    let row = row.map(shortened)
    rows.append(row)
    bytes += row.reduce(0) { $0 + Self.size($1) }
    if rows.count == Self.batch || bytes >= Self.batchBytes { try flush() }
  }

  mutating func finish() throws { try flush() }

  mutating func abandon() throws {
    if !rows.isEmpty { try flush() }
  }

  private mutating func flush() throws {
    if rows.isEmpty, done > 0 { return }
    defer {
      done += rows.count
      rows = []
      bytes = 0
    }
    if isList { return try list() }
    if let layout {
      var table = Table(layout.columns)
      for row in rows { table.add(row.map(Self.cell)) }
      return try Terminal.output.write(table.lines(layout.layout, style))
    }
    var table = Table(tableColumns())
    for row in rows { table.add(row.map(Self.cell)) }
    let fitted = table.layout(width: width)
    if let width, fitted.width > width, !rows.isEmpty {
      isList = true
      return try list()
    }
    layout = (table.columns, fitted)
    try Terminal.output.write(table.heading(fitted, style) + table.lines(fitted, style))
  }

  private func tableColumns() -> [Table.Column] {
    columns.indices.map { index in
      let isNumeric =
        rows.allSatisfy {
          switch $0[index] {
          case .null, .integer, .real: return true
          case .text, .blob: return false
          }
        } && rows.contains { $0[index] != .null }
      return Table.Column(
        title: columns[index], alignment: isNumeric ? .right : .left, minimum: isNumeric ? nil : Self.minimum,
        alwaysShown: true)
    }
  }

  private func list() throws {
    let titleWidth = columns.reduce(0) { max($0, CairnCLI.columns(of: $1)) }
    var text = ""
    for (index, row) in rows.enumerated() {
      text += (done + index > 0 ? "\n" : "") + style.dim("row \(done + index + 1)") + "\n"
      for (title, value) in zip(columns, row) {
        let cell = Self.cell(value)
        let room = width.map { max($0 - titleWidth - 4, Self.minimum) } ?? .max
        let padding = String(repeating: " ", count: titleWidth - CairnCLI.columns(of: title) + 2)
        text += "  \(style.bold(title))\(padding)"
        text += style.paint(truncated(printable(cell.text), to: room), cell.paint) + "\n"
      }
    }
    try Terminal.output.write(text)
  }

  /// What a terminal can show of a value at most: escapes and digits take several times its room, and most of it would
  /// not be seen.
  private func shortened(_ value: QueryValue) -> QueryValue {
    guard let width else { return value }
    switch value {
    case .text(let text) where text.utf8.count > 16 * width:
      // A column takes one scalar, or several that combine.
      let kept = text.unicodeScalars.prefix(4 * width)
      return kept.endIndex == text.unicodeScalars.endIndex ? value : .text(String(kept) + "…")
    case .blob(let bytes): return .blob(Array(bytes.prefix(width)))
    default: return value
    }
  }

  private static func size(_ value: QueryValue) -> Int {
    switch value {
    case .null, .integer, .real: 16
    case .text(let text): text.utf8.count
    case .blob(let bytes): 2 * bytes.count
    }
  }

  private static func cell(_ value: QueryValue) -> Table.Cell {
    switch value {
    case .null: return Table.Cell("NULL", .faint)
    case .integer(let number): return Table.Cell(String(number))
    case .real(let number): return Table.Cell(String(number))
    case .text(let text): return Table.Cell(text)
    case .blob(let bytes): return Table.Cell(hexadecimal(bytes))
    }
  }
}
