/// The rows of a table numbered from 0 in the order of their ids.
///
/// Ids are dense but for what was removed, so a table by id serves; those far beyond the number of rows (a damaged index
/// may have any) are looked up in a dictionary, so that memory stays in proportion to the rows.
struct RowNumbers {
  private var table: [Int32] = []
  private var others: [Int64: Int32] = [:]
  private(set) var count = 0
  private let limit: Int

  init(rows: Int) {
    limit = max(0, min(rows, Int(Int32.max) / 4)) * 4 + 1_024
    table.reserveCapacity(min(limit, max(0, rows) + 1))
  }

  mutating func add(_ id: Int64) {
    let number = Int32(truncatingIfNeeded: count)
    count += 1
    guard id >= 0, id < Int64(limit) else {
      others[id] = number
      return
    }
    while table.count <= Int(id) { table.append(-1) }
    table[Int(id)] = number
  }

  /// The number of a row; nil if there is none with this id.
  subscript(_ id: Int64) -> Int? {
    guard id >= 0, id < Int64(table.count) else { return others[id].map(Int.init) }
    let number = table[Int(id)]
    return number < 0 ? nil : Int(number)
  }
}

extension Int {
  /// The sum, or the largest number there is: sizes come out of a file.
  func adding(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }

  /// The product, or the largest number there is.
  func times(_ other: Int) -> Int {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? .max : product
  }
}
