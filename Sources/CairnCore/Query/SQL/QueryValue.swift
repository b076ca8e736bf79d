/// A value that SQL takes or gives (sqlite.org/datatype3.html).
public enum QueryValue: Sendable, Hashable {
  /// No value.
  case null
  /// A whole number.
  case integer(Int64)
  /// Any other number, or an infinity; SQLite knows no NaN.
  case real(Double)
  /// Text. What is not UTF-8 in it has been replaced.
  case text(String)
  /// Bytes.
  case blob([UInt8])
}

/// All that a query has found.
public struct QueryResult: Sendable, Hashable {
  /// The columns' names, as SQLite gives them: two may be the same.
  public var columns: [String]
  /// The rows, each with a value for each column.
  public var rows: [[QueryValue]]
}

/// How far a query may go before it is stopped.
public struct QueryLimits: Sendable, Hashable {
  /// Seconds that SQLite may work on it, those in which the caller looks at rows not counted; nil: no limit.
  public var seconds: Double?
  /// Bytes of memory that SQLite may take for it, about.
  public var memory: Int
  /// Bytes that one value, or one row, may have.
  public var valueBytes: Int

  /// A minute, 1 GiB, and 16 MiB for a value.
  public init(seconds: Double? = 60, memory: Int = 1 << 30, valueBytes: Int = 16 << 20) {
    self.seconds = seconds
    self.memory = memory
    self.valueBytes = valueBytes
  }
}
