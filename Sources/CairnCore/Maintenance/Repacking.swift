import Foundation
import GRDB

extension Repository {
  /// Copies what is still needed out of packs of which less than half is, so that the old ones can go; returns how many.
  ///
  /// The new pack is durable before the line that says so, and that line before the old pack leaves its place.
  func rewriteSparsePacks() throws -> Int {
    var needs: [Digest: Set<Digest>] = [:]
    let needed = try read { db in
      try Row.fetchAll(
        db, sql: "SELECT p.digest, b.digest FROM blob b JOIN pack p ON p.id = b.pack_id WHERE b.refs > 0")
    }
    for row in needed {
      if let pack = try Digest(bytes: row.value(0) as Data), let blob = try Digest(bytes: row.value(1) as Data) {
        needs[pack, default: []].insert(blob)
      }
    }
    let packs = Packs(blobs: blobs)
    var done = 0
    var group: [Digest] = []
    var bytes = 0
    for pack in needs.keys.sorted() {
      // One that cannot be read is for `verify`.
      guard let table = try? packs.table(pack) else { continue }
      let all = table.entries.reduce(0) { $0 + $1.length }
      let kept = table.entries.reduce(0) { $0 + (needs[pack]?.contains($1.digest) == true ? $1.length : 0) }
      guard 2 * kept < all else { continue }
      // Each old pack takes a line of its own while the lock is held.
      if group.count == 64 || !group.isEmpty && bytes + kept > configuration.chunkSize {
        done += try locked { try repack(group, &$0) }
        group = []
        bytes = 0
      }
      group.append(pack)
      bytes += kept
    }
    if !group.isEmpty { done += try locked { try repack(group, &$0) } }
    return done
  }

  /// Copies the blobs that are needed and good from `old` into one new pack, and says so in the log. Returns how many
  /// packs it replaces.
  func repack(_ old: [Digest], _ locked: inout LockedRepository) throws -> Int {
    var kept: [(digest: Digest, bytes: [UInt8])] = []
    var seen = Set<Digest>()
    for pack in old {
      let live = try locked.index.read { db in
        try Row.fetchAll(
          db,
          sql: "SELECT b.digest FROM blob b JOIN pack p ON p.id = b.pack_id WHERE p.digest = ? AND b.refs > 0",
          arguments: [pack.data])
      }
      for row in live {
        guard let digest = try Digest(bytes: row.value(0) as Data),
          let content = try? locked.packs.content(digest, from: pack),
          Digest(hashing: content) == digest, seen.insert(digest).inserted
        else { continue }
        kept.append((digest, content))
      }
    }
    // Then they just go.
    if kept.isEmpty { return 0 }
    kept.sort { $0.digest < $1.digest }
    let new = PackFile(packing: kept)
    let digest = Digest(hashing: new.bytes)
    // The same blobs are all that an old one has: there is nothing to gain.
    if old.contains(digest) { return 0 }
    let directory = try WriterDirectory(repository: path, modes: modes)
    defer { try? directory.remove() }
    let temporary = try new.bytes.withUnsafeBytes { try directory.write(digest.hex + ".pack", $0) }
    if try !Files.hasDirectory(blobs.directory(digest)) {
      try Files.makeDirectory(blobs.directory(digest), mode: modes.directory)
    }
    try Files.syncDirectory(blobs.root)
    try Files.rename(temporary, to: blobs.path(digest, .pack))
    try Files.syncDirectory(blobs.directory(digest))
    for pack in old {
      var entry = LogEntry(.repacked, id: randomID(), by: .now())
      entry.from = pack
      entry.to = digest
      for warning in try locked.commit(entry) { logger.warning("\(warning)") }
    }
    return old.count
  }
}
