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
  /// Whether this process had hashed nothing when the save began: then nothing is looked at where it lies.
  let nothingIsKnown: Bool
  /// Holds a batch; what is hashed in it is what is written.
  let buffer: UnsafeMutableRawBufferPointer
  /// How many batches before this one had something new, in a row: after two it is not worth looking at the next one
  /// where it lies, since it most likely has to be read anyway, and is looked at then.
  private var newInARow = 0

  init(
    repository: Repository, sources: [any ByteSource], chunking: Chunking, table: ChunkTable,
    directory: WriterDirectory, packs: Packs, nothingIsKnown: Bool, buffer: UnsafeMutableRawBufferPointer
  ) {
    self.repository = repository
    self.sources = sources
    self.chunking = chunking
    self.table = table
    self.directory = directory
    self.packs = packs
    self.nothingIsKnown = nothingIsKnown
    self.buffer = buffer
  }

  /// Finds or writes the chunks of the tasks in `batch`.
  mutating func run(_ batch: [Int]) throws {
    let batch = nothingIsKnown || newInARow >= 2 ? batch : try reuseKnown(batch)
    // Asked before it is read.
    let cached = batch.first.map(isCached) ?? false
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
    var hasNew = false
    defer { newInARow = hasNew ? newInARow + 1 : 0 }
    if claimed.isEmpty { return }
    let known = try repository.places(of: reusable)
    var seen = SeenPacks()
    var places: [(Digest, ChunkTable.Place)] = []
    var checksums: [(Digest, UInt32)] = []
    var small: [(digest: Digest, bytes: [UInt8])] = []
    for (index, (_, digest, length)) in found.enumerated() where claimed.remove(digest) != nil {
      let bytes = UnsafeRawBufferPointer(slice(starts[index], length))
      if let row = known[digest], row.size == length, let place = try? self.reusable(digest, row, &seen) {
        checksums.append((digest, row.crc32))
        places.append((digest, place))
        continue
      }
      hasNew = true
      checksums.append((digest, Checksum.crc32(bytes)))
      if length <= BlobStore.packedLimit {
        small.append((digest, Array(bytes)))
      } else {
        places.append((digest, try write(digest, bytes, cached: cached)))
      }
    }
    table.setChecksums(checksums)
    table.setPlaces(places)
    for packful in table.addSmall(small, packSize: repository.configuration.chunkSize) {
      try writePack(packful)
    }
  }

  /// Whether a chunk lies in a file that the page cache has: its blob is left there too, as `cp` leaves the copy, for
  /// whoever works with the file now works with the blob next. What comes from a trainer's memory is not.
  private func isCached(_ task: Int) -> Bool {
    let chunk = chunking.tasks[task]
    return sources[chunk.storage].isCached(at: chunk.offset, count: chunk.length)
  }

  /// Knows chunks again where they lie in memory, and is through with those that the repository has; returns the others.
  /// Nothing that is written comes from there: it may be changing.
  private func reuseKnown(_ batch: [Int]) throws -> [Int] {
    let memory = repository.chunkMemory
    var known: [(task: Int, digest: Digest, length: Int)] = []
    for task in batch where isRemembered(chunking.tasks[task]) {
      let chunk = chunking.tasks[task]
      let source = sources[chunk.storage]
      guard
        let print = source.withBytesInPlace(at: chunk.offset, count: chunk.length, { memory.fingerprint(of: $0) }),
        let digest = print.flatMap({ memory.digest(of: $0) }), table.mayReuse(digest)
      else { continue }
      known.append((task, digest, chunk.length))
    }
    if known.isEmpty { return batch }
    let rows = try repository.places(of: Set(known.map(\.digest).filter { !table.isPlaced($0) }))
    var seen = SeenPacks()
    var places: [Digest: ChunkTable.Place] = [:]
    for (_, digest, length) in known where places[digest] == nil {
      guard let row = rows[digest], row.size == length else { continue }
      places[digest] = try? reusable(digest, row, &seen)
    }
    let reused = known.filter { places[$0.digest] != nil || table.isPlaced($0.digest) }
    table.setDigests(reused)
    table.setChecksums(places.keys.compactMap { digest in rows[digest].map { (digest, $0.crc32) } })
    table.setPlaces(places.map { ($0.key, $0.value) })
    let through = Set(reused.map(\.task))
    return batch.filter { !through.contains($0) }
  }

  private func slice(_ start: Int, _ length: Int) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(rebasing: buffer[start..<start + length])
  }

  /// Reads a chunk, and says what was read: each piece is hashed, or fingerprinted to be known again, while it is in the
  /// cache.
  private func readAndHash(_ task: ChunkTask, into buffer: UnsafeMutableRawBufferPointer) throws -> Digest {
    let source = sources[task.storage]
    let memory = repository.chunkMemory
    var fingerprinting = isRemembered(task) ? ChunkMemory.Fingerprinting(memory) : nil
    var hash = SHA256()
    let step = Self.readLength(source, of: task)
    for start in stride(from: 0, to: task.length, by: step) {
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[start..<min(start + step, task.length)])
      try source.read(into: part, at: task.offset + start)
      fingerprinting?.add(UnsafeRawBufferPointer(part))
      if fingerprinting == nil { hash.update(bufferPointer: UnsafeRawBufferPointer(part)) }
    }
    guard let fingerprinting else { return Digest(hash.finalize()) }
    let fingerprint = fingerprinting.finish()
    if let digest = fingerprint.flatMap({ memory.digest(of: $0) }) { return digest }
    let digest = Digest(hashing: UnsafeRawBufferPointer(rebasing: buffer[..<task.length]))
    if let fingerprint { memory.remember(fingerprint, digest) }
    return digest
  }

  /// Whether a chunk has a fingerprint, by which a later save knows it again.
  private func isRemembered(_ task: ChunkTask) -> Bool {
    sources[task.storage].mayRecur && task.length >= ChunkMemory.minimumLength
  }

  /// How much of a chunk is read at once: whole pieces of what has a fingerprint.
  private static func readLength(_ source: any ByteSource, of task: ChunkTask) -> Int {
    let length = min(max(source.preferredReadSize, 1), max(task.length, 1))
    if !source.mayRecur { return length }
    return (length + ChunkMemory.pieceLength - 1) / ChunkMemory.pieceLength * ChunkMemory.pieceLength
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

  private func write(
    _ digest: Digest, _ bytes: UnsafeRawBufferPointer, cached: Bool
  ) throws -> ChunkTable.Place {
    let temporary = try directory.write(digest.hex, bytes, cached: cached)
    table.addFile(.init(temporary: temporary, final: repository.blobs.path(digest, .raw)))
    return .written
  }

  func writePack(_ small: [(digest: Digest, bytes: [UInt8])]) throws {
    if small.isEmpty { return }
    let pack = PackFile(packing: small)
    let digest = Digest(hashing: pack.bytes)
    // Through the page cache: an array does not lie at a page's start, and goes no other way.
    let temporary = try pack.bytes.withUnsafeBytes { try directory.write(digest.hex + ".pack", $0, cached: true) }
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
    let find = try RapidStatement(
      db,
      """
      SELECT b.size, p.digest, b.crc32 FROM blob b LEFT JOIN pack p ON p.id = b.pack_id WHERE b.digest = ? AND b.refs > 0
      """)
    for digest in digests {
      try find.bind(1, digest)
      found[digest] = try find.first {
        BlobPlace(
          size: Int($0.integer(0)), pack: $0.digest(1), crc32: UInt32(truncatingIfNeeded: $0.integer(2)))
      }
    }
    return found
  }
}
