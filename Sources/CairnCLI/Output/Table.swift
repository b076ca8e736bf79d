/// Rows under a heading, in columns as wide as their content, or as the terminal lets them be.
struct Table {
  enum Alignment {
    case left, right
  }

  struct Column {
    var title: String
    var alignment = Alignment.left
    /// To how few columns of the terminal it may shrink; nil: it keeps its width.
    var minimum: Int?
    var truncation = Truncation.tail
    /// Which columns go first when shrinking is not enough: the highest; nil: it stays.
    var dispensable: Int?
    /// Whether it is there although nobody has a value for it.
    var alwaysShown = false
  }

  struct Cell {
    var text: String
    var paint = Paint.plain

    init(_ text: String, _ paint: Paint = .plain) {
      self.text = text
      self.paint = paint
    }
  }

  fileprivate static let gap = 2

  var columns: [Column]
  private(set) var rows: [[Cell]] = []

  init(_ columns: [Column]) { self.columns = columns }

  mutating func add(_ row: [Cell]) {
    rows.append(row.map { Cell(printable($0.text), $0.paint) })
  }

  /// The table as lines, at most `width` columns wide if that can be had.
  func text(width: Int?, style: Style) -> String {
    let layout = layout(width: width)
    return heading(layout, style) + lines(layout, style)
  }

  /// Which columns are shown, and how wide.
  struct Layout {
    fileprivate var shown: [Int]
    fileprivate var widths: [Int]

    /// How many columns of a terminal it takes.
    var width: Int { shown.reduce(Table.gap * max(shown.count - 1, 0)) { $0 + widths[$1] } }
  }

  func layout(width: Int?) -> Layout {
    var shown = columns.indices.filter { index in
      columns[index].alwaysShown || rows.contains { !$0[index].text.isEmpty }
    }
    var widths = naturalWidths()
    if let width { fit(&shown, &widths, into: width) }
    return Layout(shown: shown, widths: widths)
  }

  func heading(_ layout: Layout, _ style: Style) -> String {
    line(layout.shown, layout.widths) { style.bold(padded(columns[$0].title, $0, layout.widths)) } + "\n"
  }

  /// The rows, those of a table that goes on where another with the same columns and this layout ends.
  func lines(_ layout: Layout, _ style: Style) -> String {
    rows.map { row in
      line(layout.shown, layout.widths) { style.paint(padded(row[$0].text, $0, layout.widths), row[$0].paint) } + "\n"
    }.joined()
  }

  private func naturalWidths() -> [Int] {
    columns.indices.map { index in
      rows.reduce(CairnCLI.columns(of: columns[index].title)) { max($0, CairnCLI.columns(of: $1[index].text)) }
    }
  }

  private func fit(_ shown: inout [Int], _ widths: inout [Int], into width: Int) {
    let natural = widths
    while true {
      widths = natural
      var excess = shown.reduce(Self.gap * (shown.count - 1)) { $0 + widths[$1] } - width
      while excess > 0,
        let widest = shown.filter({ widths[$0] > columns[$0].minimum ?? .max }).max(by: { widths[$0] < widths[$1] })
      {
        widths[widest] -= 1
        excess -= 1
      }
      if excess <= 0 { return }
      guard
        let goes = shown.filter({ columns[$0].dispensable != nil }).max(by: {
          columns[$0].dispensable ?? 0 < columns[$1].dispensable ?? 0
        })
      else { return }
      shown.removeAll { $0 == goes }
    }
  }

  private func padded(_ text: String, _ index: Int, _ widths: [Int]) -> String {
    let cut = truncated(text, to: widths[index], columns[index].truncation)
    let room = String(repeating: " ", count: max(widths[index] - CairnCLI.columns(of: cut), 0))
    return columns[index].alignment == .left ? cut + room : room + cut
  }

  private func line(_ shown: [Int], _ widths: [Int], _ cell: (Int) -> String) -> String {
    var line = shown.map(cell).joined(separator: String(repeating: " ", count: Self.gap))
    while line.hasSuffix(" ") { line.removeLast() }
    return line
  }
}
