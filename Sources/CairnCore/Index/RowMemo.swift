/// Ids of rows that were looked up or made a moment ago: of the many manifests that one transaction takes in, most list
/// what the one before lists.
///
/// Good for one transaction in which nothing is swept; what falls to 0 meanwhile is forgotten. Nothing is known in it of
/// counts, or of where blobs are.
final class RowMemo {
  /// A rebuild goes through all of a repository: what it remembers is begun anew now and then.
  private static let limit = 200_000

  /// By their bytes: names that only Unicode calls the same are different.
  private var names: [[UInt8]: Int64] = [:]
  private var storages: [[UInt8]: Int64] = [:]
  private var tensors: [TensorKey: Int64] = [:]
  /// Blobs that a caller knows to be in a file of their own.
  private var files: [Digest: Int64] = [:]

  func name(_ name: String, _ find: () throws -> Int64) rethrows -> Int64 { try look(&names, Array(name.utf8), find) }

  func storage(_ blobs: [UInt8], _ find: () throws -> Int64) rethrows -> Int64 { try look(&storages, blobs, find) }

  func tensor(_ tensor: TensorKey, _ find: () throws -> Int64) rethrows -> Int64 { try look(&tensors, tensor, find) }

  func file(_ digest: Digest, _ find: () throws -> Int64) rethrows -> Int64 { try look(&files, digest, find) }

  /// What is gone: another row may get its id.
  func forget(storage blobs: [UInt8]) { storages[blobs] = nil }

  func forget(tensor: TensorKey) { tensors[tensor] = nil }

  private func look<Key: Hashable>(
    _ known: inout [Key: Int64], _ key: Key, _ find: () throws -> Int64
  ) rethrows -> Int64 {
    if let id = known[key] { return id }
    let id = try find()
    if known.count >= Self.limit { known = [:] }
    known[key] = id
    return id
  }
}
