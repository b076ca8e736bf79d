import Crypto
import Foundation
import GRDB
import Glibc

/// Reads, hashes, and where it is new writes, the chunks of one save: one of these on each worker thread.
struct ChunkWorker {
  let repository: Repository
  let sources: [any ByteSource]
  let chunking: Chunking
  let table: ChunkTable
  let directory: WriterDirectory
  let packs: Packs
  /// Holds a batch; what is hashed in it is what is written.
  let buffer: UnsafeMutableRawBufferPointer

  /// Finds or writes the chunks of the tasks in `batch`.
  func run(_ batch: [Int]) throws {
    if batch.count == 1, try reuseInPlace(batch[0]) { return }
    var found: [(task: Int, digest: Digest, length: Int)] = []
    var starts: [Int] = []
    var start = 0
    for task in batch {
      let length = chunking.tasks[task].length
      found.append((task, try readAndHash(chunking.tasks[task], into: slice(start, length)), length))
      starts.append(start)
      start += length
    }
    table.setDigests(found)
    var (claimed, reusable) = table.claim(found.map(\.digest))
    if claimed.isEmpty { return }
    let known = try repository.places(of: reusable)
    var seen = SeenPacks()
    var places: [(Digest, ChunkTable.Place)] = []
    var checksums: [(Digest, UInt32)] = []
    var small: [(digest: Digest, bytes: [UInt8])] = []
    for (index, (_, digest, length)) in found.enumerated() where claimed.remove(digest) != nil {
      let bytes = UnsafeRawBufferPointer(slice(starts[index], length))
      let place = known[digest].flatMap { $0.size == length ? try? self.reusable(digest, $0, &seen) : nil }
      if length > BlobStore.packedLimit {
        table.note(isReused: place != nil, storage: chunking.tasks[batch[index]].storage)
      }
      if let row = known[digest], let place {
        checksums.append((digest, row.crc32))
        places.append((digest, place))
        continue
      }
      checksums.append((digest, Checksum.crc32(bytes)))
      if length <= BlobStore.packedLimit {
        small.append((digest, Array(bytes)))
      } else {
        places.append((digest, try write(digest, bytes)))
      }
    }
    table.setChecksums(checksums)
    table.setPlaces(places)
    for packful in table.addSmall(small, packSize: repository.configuration.chunkSize) { try writePack(packful) }
  }

  /// Hashes a chunk in the memory where it lies, and is through with it if the repository has that blob. Nothing that is
  /// written comes from there: it may be changing.
  private func reuseInPlace(_ task: Int) throws -> Bool {
    let chunk = chunking.tasks[task]
    guard table.expectsReuse(inStorage: chunk.storage) else { return false }
    let hashed = sources[chunk.storage].withBytesInPlace(at: chunk.offset, count: chunk.length) { Digest(hashing: $0) }
    guard let digest = hashed, table.mayReuse(digest) else { return false }
    if table.isPlaced(digest) {
      table.setDigests([(task, digest, chunk.length)])
      return true
    }
    var seen = SeenPacks()
    guard let row = try repository.places(of: [digest])[digest], row.size == chunk.length,
      let place = try? reusable(digest, row, &seen)
    else {
      table.note(isReused: false, storage: chunk.storage)
      return false
    }
    table.note(isReused: true, storage: chunk.storage)
    table.setDigests([(task, digest, chunk.length)])
    table.setChecksums([(digest, row.crc32)])
    table.setPlaces([(digest, place)])
    return true
  }

  private func slice(_ start: Int, _ length: Int) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(rebasing: buffer[start..<start + length])
  }

  private func readAndHash(_ task: ChunkTask, into buffer: UnsafeMutableRawBufferPointer) throws -> Digest {
    var hash = SHA256()
    let piece = max(sources[task.storage].preferredReadSize, 1)
    var done = 0
    while done < task.length {
      let end = task.length - done <= piece ? task.length : done + piece
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<end])
      try sources[task.storage].read(into: part, at: task.offset + done)
      hash.update(bufferPointer: UnsafeRawBufferPointer(part))
      done = end
    }
    return Digest(hash.finalize())
  }

  /// Where a blob that the index has can be reused: only after its file was opened, seen with the right size, and made
  /// durable, since nobody may have done so (a restored backup, a process that died). Whatever goes wrong with that is
  /// a reason to write it anew.
  /// `seen` are packs that were looked into before.
  private func reusable(
    _ digest: Digest, _ row: BlobPlace, _ seen: inout SeenPacks
  ) throws -> ChunkTable.Place? {
    if let pack = row.pack {
      // A repair may have left a blob behind that was bad: the row says so only by pointing to a pack without it.
      if seen.tables[pack] == nil { seen.tables[pack] = try packs.table(pack) }
      guard seen.tables[pack]?[digest]?.length == row.size else { return nil }
      if !seen.durable.contains(pack) {
        if !table.isDurable(pack) {
          guard let file = try repository.blobs.open(pack, .pack) else { return nil }
          try file.sync()
          table.setDurable(pack)
        }
        seen.durable.insert(pack)
      }
      return .pack(pack)
    }
    for encoding in [BlobStore.Encoding.raw, .zstd] {
      guard let file = try repository.blobs.open(digest, encoding) else { continue }
      if encoding == .raw, try file.status().size != row.size { continue }
      try file.sync()
      return .ownFile
    }
    return nil
  }

  private func write(_ digest: Digest, _ bytes: UnsafeRawBufferPointer) throws -> ChunkTable.Place {
    let temporary = try directory.write(digest.hex, bytes)
    table.addFile(.init(temporary: temporary, final: repository.blobs.path(digest, .raw)))
    return .written
  }

  func writePack(_ small: [(digest: Digest, bytes: [UInt8])]) throws {
    if small.isEmpty { return }
    let pack = PackFile(packing: small)
    let digest = Digest(hashing: pack.bytes)
    let temporary = try pack.bytes.withUnsafeBytes { try directory.write(digest.hex + ".pack", $0) }
    table.addFile(.init(temporary: temporary, final: repository.blobs.path(digest, .pack)))
    table.setPlaces(pack.table.entries.map { ($0.digest, .packed(digest)) })
  }
}

/// Packs that a worker has looked into while it was at one batch.
private struct SeenPacks {
  var tables: [Digest: PackTable] = [:]
  /// Those that are durable.
  var durable: Set<Digest> = []
}

/// What the index says of a blob that is referenced.
struct BlobPlace: Sendable, Hashable {
  var size: Int
  /// The pack it lies in; nil if it has a file of its own.
  var pack: Digest?
  /// The CRC-32 of its content.
  var crc32: UInt32
}

extension Repository {
  /// Those of `digests` that the index has with a count above 0. A row at 0 is never trusted: its file may be on its way
  /// out.
  func places(of digests: some Collection<Digest>) throws -> [Digest: BlobPlace] {
    if digests.isEmpty { return [:] }
    // An index that cannot be read has nothing to reuse; who takes the lock later makes it anew.
    guard let connection = try? readerConnection() else { return [:] }
    return (try? connection.queue.read { try Self.places(of: digests, in: $0) }) ?? [:]
  }

  static func places(of digests: some Collection<Digest>, in db: Database) throws -> [Digest: BlobPlace] {
    var found: [Digest: BlobPlace] = [:]
    let find = try db.cachedStatement(
      sql: """
        SELECT b.size, p.digest, b.crc32 FROM blob b LEFT JOIN pack p ON p.id = b.pack_id WHERE b.digest = ? AND b.refs > 0
        """)
    for digest in digests {
      guard let row = try Row.fetchOne(find, arguments: [digest.data]) else { continue }
      found[digest] = BlobPlace(
        size: row[0], pack: (row[1] as Data?).flatMap { Digest(bytes: $0) }, crc32: UInt32(row[2] as Int64))
    }
    return found
  }
}
