import Foundation
import GRDB

/// What is stored under a digest, and who needs it.
public struct DigestOccurrence: Sendable, Hashable {
  /// What it is.
  public enum Kind: String, Sendable {
    /// A checkpoint's manifest.
    case manifest
    /// All bytes of a storage: a tensor's, or a pickle's.
    case storage
    /// A piece of a storage that is cut into several.
    case chunk
    /// A file of many small blobs.
    case pack
    /// A blob that no checkpoint needs any more, and that waits for `gc`.
    case unreferenced
  }

  /// The whole digest.
  public var digest: Digest
  /// What it is.
  public var kind: Kind
  /// How many bytes it has; nil for a pack, of which only its blobs are known.
  public var size: Int?
  /// The pack that it lies in.
  public var pack: Digest?
  /// The tensors that are views of it, up to the limit.
  public var tensors: TensorOccurrences
  /// The checkpoints that need it, newest first, up to the limit.
  public var checkpoints: [CheckpointReference]
  /// How many checkpoints need it.
  public var checkpointCount: Int
}

extension Repository {
  /// The least number of digits that a digest is looked for by.
  public static let fewestDigits = 6

  /// What is stored under a digest: a blob (a storage, a piece of one, a manifest) or a pack; nil if nothing is.
  ///
  /// - Parameters:
  ///   - prefix: All of its 64 hexadecimal digits, or the first ones, at least ``fewestDigits``.
  ///   - limit: How many tensors and how many checkpoints at most.
  ///
  /// Throws ``CairnError/Kind/invalid`` if it is no such prefix, or if several digests begin so.
  public func occurrence(ofDigest prefix: String, limit: Int) throws -> DigestOccurrence? {
    guard let range = Digest.range(hexPrefix: prefix), prefix.utf8.count >= Self.fewestDigits else {
      throw CairnError(
        .invalid, "\(prefix): is not the beginning of a digest",
        advice: "give at least \(Self.fewestDigits) of its 64 hexadecimal digits")
    }
    return try read { db in
      let found = try ["blob", "pack"].flatMap { table in
        try Row.fetchAll(
          db, sql: "SELECT id, digest, '\(table)' FROM \(table) WHERE digest BETWEEN ? AND ? LIMIT 10",
          arguments: [range.lowerBound.data, range.upperBound.data])
      }
      guard let row = found.first else { return nil }
      guard found.count == 1 else {
        let digests = try found.compactMap { try Digest(bytes: $0.value(1) as Data)?.hex.prefix(prefix.utf8.count + 6) }
        throw CairnError(
          .invalid, "\(prefix): \(found.count) digests begin so: \(digests.joined(separator: ", "))",
          advice: "give more digits")
      }
      var finder = DigestFinder(db: db, limit: limit)
      return try row.value(2) == "pack"
        ? try finder.pack(row.value(0), row.value(1)) : try finder.blob(row.value(0), row.value(1))
    }
  }
}

/// Works out who needs a blob or a pack.
private struct DigestFinder {
  let db: Database
  let limit: Int

  mutating func blob(_ id: Int64, _ digest: Data) throws -> DigestOccurrence? {
    let row = try Row.fetchOne(
      db,
      sql: """
        SELECT b.size, b.refs, p.digest, (SELECT m.id FROM manifest m WHERE m.blob_id = b.id AND m.refs > 0)
        FROM blob b LEFT JOIN pack p ON p.id = b.pack_id WHERE b.id = ?
        """, arguments: [id])
    guard let row, let digest = Digest(bytes: digest) else { return nil }
    let uses = StorageUses(db: db)
    let storages = try uses.storages(ofBlob: id)
    var (tensors, manifests) = try uses.uses(of: storages)
    let kind: DigestOccurrence.Kind
    if try row.value(1) as Int == 0 {
      kind = .unreferenced
    } else if let manifest = try row.value(3) as Int64? {
      kind = .manifest
      manifests.insert(manifest)
    } else {
      kind = try uses.storage(of: [id]) == nil ? .chunk : .storage
    }
    tensors.sort { $0.id > $1.id }
    return try occurrence(
      digest, kind, size: row.value(0), pack: (row.value(2) as Data?).flatMap { Digest(bytes: $0) }, tensors, manifests)
  }

  mutating func pack(_ id: Int64, _ digest: Data) throws -> DigestOccurrence? {
    guard let digest = Digest(bytes: digest) else { return nil }
    let uses = StorageUses(db: db)
    var storages = Set<Int64>()
    for blob in try Int64.fetchAll(db, sql: "SELECT id FROM blob WHERE pack_id = ? AND refs > 0", arguments: [id]) {
      storages.formUnion(try uses.storages(ofBlob: blob))
    }
    let (tensors, manifests) = try uses.uses(of: storages.sorted())
    return try occurrence(digest, .pack, size: nil, pack: nil, tensors.sorted { $0.id > $1.id }, manifests)
  }

  private func occurrence(
    _ digest: Digest, _ kind: DigestOccurrence.Kind, size: Int?, pack: Digest?, _ tensors: [TensorRows.Row],
    _ manifests: Set<Int64>
  ) throws -> DigestOccurrence {
    var finder = OccurrenceFinder(db)
    let checkpoints = try ManifestUses.checkpoints(of: manifests, db)
    return DigestOccurrence(
      digest: digest, kind: kind, size: size, pack: pack,
      tensors: TensorOccurrences(
        tensors: try finder.occurrences(of: Array(tensors.prefix(limit))), isCutShort: tensors.count > limit),
      checkpoints: try checkpoints.prefix(limit).map { try finder.reference($0) },
      checkpointCount: checkpoints.count)
  }
}

extension Digest {
  /// From the lowest to the highest digest whose hexadecimal digits begin so; nil if these are no such digits.
  static func range(hexPrefix: String) -> ClosedRange<Digest>? {
    let digits = hexPrefix.lowercased()
    let room = 2 * byteCount - digits.utf8.count
    guard room >= 0, let low = Digest(hex: digits + String(repeating: "0", count: room)),
      let high = Digest(hex: digits + String(repeating: "f", count: room))
    else { return nil }
    return low...high
  }
}
