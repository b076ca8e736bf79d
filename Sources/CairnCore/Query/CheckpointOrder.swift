/// What checkpoints are sorted by. Those without a value come last, equal ones newest first.
public struct CheckpointOrder: Sendable, Hashable {
  /// A column, a metric, or a path into metadata.
  public var key: WhereName
  /// From the largest to the smallest.
  public var descending: Bool
  /// The text that it was read from, for errors.
  let text: String

  /// Reads `val_loss`, `-val_loss`, `val_loss:asc` or `val_loss:desc`.
  public init(parsing text: String) throws {
    var name = Substring(text)
    var descending = false
    if name.hasPrefix("-") {
      descending = true
      name.removeFirst()
    } else if name.hasSuffix(":desc") {
      descending = true
      name.removeLast(5)
    } else if name.hasSuffix(":asc") {
      name.removeLast(4)
    }
    self.text = String(name)
    self.descending = descending
    key = try WhereName(parsing: self.text)
  }
}
