/// The schema of the index, one SQL file a step, embedded so that the binary needs no files beside it.
public enum Migrations {
  /// One step: the name that the index remembers it by, and its SQL.
  public struct Step: Sendable {
    /// The file's name without its ending.
    public let name: String
    /// The statements, run in one transaction.
    public let sql: String
  }

  /// All steps, in the order in which they are applied. A step that has been released never changes.
  public static let steps: [Step] = [
    Step(name: "0001_index", sql: String(decoding: PackageResources._001_index_sql, as: UTF8.self)),
    Step(name: "0002_lookups", sql: String(decoding: PackageResources._002_lookups_sql, as: UTF8.self)),
    Step(name: "0003_pointers", sql: String(decoding: PackageResources._003_pointers_sql, as: UTF8.self)),
    Step(
      name: "0004_only_files_wait", sql: String(decoding: PackageResources._004_only_files_wait_sql, as: UTF8.self)),
  ]
}
