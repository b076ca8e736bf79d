import GRDB

extension Row {
  /// A column of the row. Throws if it holds no such value: a byte that has changed on the disk makes NULL of a number as
  /// easily as another number, and must not end the program, as GRDB's subscript would.
  func value<Value: DatabaseValueConvertible>(_ column: Int) throws -> Value { try decode(atIndex: column) }

  /// A column of the row, read as SQLite has it.
  func value<Value: DatabaseValueConvertible & StatementColumnConvertible>(_ column: Int) throws -> Value {
    try decode(atIndex: column)
  }

  /// A column of the row by its name.
  func value<Value: DatabaseValueConvertible & StatementColumnConvertible>(_ column: String) throws -> Value {
    try decode(forColumn: column)
  }
}
