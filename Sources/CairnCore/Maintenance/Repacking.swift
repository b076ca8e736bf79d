import Foundation
import GRDB

extension Repository {
  /// Copies what is still needed out of packs of which less than half is, so that the old ones can go; returns how many.
  ///
  /// The new pack is durable before the line that says so, and that line before the old pack leaves its place: an older
  /// index that comes back settles to the same places.
  func rewriteSparsePacks() throws -> Int {
    let reader = BlobReader(blobs: blobs)
    let needed = try read { db in
      try Row.fetchAll(
        db, sql: "SELECT p.digest, b.digest FROM blob b JOIN pack p ON p.id = b.pack_id WHERE b.refs > 0")
    }
    var needs: [Digest: Set<Digest>] = [:]
    for row in needed {
      if let pack = Digest(bytes: row[0] as Data), let blob = Digest(bytes: row[1] as Data) {
        needs[pack, default: []].insert(blob)
      }
    }
    let sparse = try needs.keys.sorted().filter { pack in
      guard let file = try reader.pack(pack) else { return false }
      let all = file.entries.reduce(0) { $0 + $1.length }
      let kept = file.entries.reduce(0) { $0 + (needs[pack]?.contains($1.digest) == true ? $1.length : 0) }
      return 2 * kept < all
    }
    var done = 0
    var group: [Digest] = []
    var bytes = 0
    for pack in sparse {
      guard let file = try reader.pack(pack) else { continue }
      let kept = file.entries.reduce(0) { $0 + (needs[pack]?.contains($1.digest) == true ? $1.length : 0) }
      if !group.isEmpty, bytes + kept > configuration.chunkSize {
        done += try repack(group, reader: reader)
        group = []
        bytes = 0
      }
      group.append(pack)
      bytes += kept
    }
    return try done + repack(group, reader: reader)
  }

  /// Copies the blobs that are needed and good from `packs` into one new pack. Returns how many packs it replaces.
  func repack(_ packs: [Digest], reader: BlobReader) throws -> Int {
    if packs.isEmpty { return 0 }
    let directory = try WriterDirectory(repository: path, modes: modes)
    defer { try? directory.remove() }
    return try locked { locked in
      var kept: [(digest: Digest, bytes: [UInt8])] = []
      var seen = Set<Digest>()
      for pack in packs {
        guard let file = try reader.pack(pack) else { continue }
        let live = try locked.index.read { db in
          try Row.fetchAll(
            db,
            sql: "SELECT b.digest FROM blob b JOIN pack p ON p.id = b.pack_id WHERE p.digest = ? AND b.refs > 0",
            arguments: [pack.data])
        }
        for row in live {
          guard let digest = Digest(bytes: row[0] as Data), let entry = file.entry(digest),
            Digest(hashing: file.content(entry)) == digest, seen.insert(digest).inserted
          else { continue }
          kept.append((digest, Array(file.content(entry))))
        }
      }
      kept.sort { $0.digest < $1.digest }
      let new = PackFile(packing: kept)
      let digest = Digest(hashing: new.bytes)
      // The same blobs are all that an old one has: there is nothing to gain.
      if packs.contains(digest) { return 0 }
      let temporary = try new.bytes.withUnsafeBytes { try directory.write(digest.hex + ".pack", $0) }
      try Files.rename(temporary, to: blobs.path(digest, .pack))
      try Files.syncDirectory(blobs.directory(digest))
      for pack in packs {
        var entry = LogEntry(.repacked, id: randomID(), by: .now())
        entry.from = pack
        entry.to = digest
        for warning in try locked.commit(entry) { logger.warning("\(warning)") }
      }
      return packs.count
    }
  }
}
