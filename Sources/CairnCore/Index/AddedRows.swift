import GRDB

/// The rows of blobs, storages and tensors that a manifest adds: put together first, so that each is written once and
/// with its count, and what is new is not looked for.
struct AddedRows {
  private struct Storage {
    var firstBlob: Int64
    /// The list of its blobs.
    var packed: [UInt8]
    /// Its blobs, each once, ascending.
    var blobs: [Int64]
    var size: Int
    var refs = 0
  }

  private let db: Database
  private let firstBlob: Int64
  private let firstStorage: Int64
  private let firstTensor: Int64
  private var blobs: [BlobFacts] = []
  private var blobIDs: [Digest: Int64] = [:]
  private var storages: [Storage] = []
  private var storageIDs: [[UInt8]: Int64] = [:]
  private var tensors: [TensorKey] = []
  private var tensorIDs: [TensorKey: Int64] = [:]
  /// The newest tensors of names, as their rows have them.
  private var tensorsOfNames: [Int64: [Int64]] = [:]
  /// How many references what was there before is to get.
  private(set) var gains = References.Counts()

  init(_ db: Database) throws {
    func next(_ table: String) throws -> Int64 {
      try Int64.fetchOne(db.cachedStatement(sql: "SELECT coalesce(max(id), 0) + 1 FROM \(table)")) ?? 1
    }
    self.db = db
    firstBlob = try next("blob")
    firstStorage = try next("storage")
    firstTensor = try next("tensor")
  }

  func has(blob id: Int64) -> Bool { id >= firstBlob }
  func has(storage id: Int64) -> Bool { id >= firstStorage }
  func has(tensor id: Int64) -> Bool { id >= firstTensor }

  /// The id of a storage among these, by its list; nil if it is not.
  func storage(_ packed: [UInt8]) -> Int64? { storageIDs[packed] }
  /// The id of a tensor among these; nil if it is not.
  func tensor(_ key: TensorKey) -> Int64? { tensorIDs[key] }

  /// A blob that has no row; returns the id that it gets. A manifest may name it twice.
  mutating func add(_ blob: BlobFacts) -> Int64 {
    if let id = blobIDs[blob.digest] { return id }
    let id = firstBlob + Int64(blobs.count)
    blobs.append(blob)
    blobIDs[blob.digest] = id
    return id
  }

  mutating func add(storageOf blobs: [Int64], _ packed: [UInt8], size: Int) -> Int64 {
    let id = firstStorage + Int64(storages.count)
    let distinct = blobs.count > 1 ? Set(blobs).sorted() : blobs
    storages.append(Storage(firstBlob: blobs.first ?? 0, packed: packed, blobs: distinct, size: size))
    storageIDs[packed] = id
    return id
  }

  mutating func add(_ tensor: TensorKey) -> Int64 {
    let id = firstTensor + Int64(tensors.count)
    tensors.append(tensor)
    tensorIDs[tensor] = id
    count(storage: tensor.storage)
    return id
  }

  /// Counts one more that needs a storage: one of these, or one that was there before.
  mutating func count(storage id: Int64) {
    if has(storage: id) {
      storages[Int(id - firstStorage)].refs += 1
    } else {
      gains.storages[id, default: 0] += 1
    }
  }

  mutating func noteTensors(_ tensors: [Int64], ofName id: Int64) { tensorsOfNames[id] = tensors }

  /// Writes the rows. What they need of what was there before is in ``gains`` then.
  mutating func write(_ statements: RapidStatements, listedBy manifest: Int64) throws {
    try writeBlobs(statements, refs: countBlobs())
    try writeStorages(statements)
    try writeTensors(statements, listedBy: manifest)
    try writeNames(statements)
  }

  private mutating func countBlobs() -> [Int] {
    var refs = Array(repeating: 0, count: blobs.count)
    for storage in storages {
      for blob in storage.blobs {
        if has(blob: blob) {
          refs[Int(blob - firstBlob)] += 1
        } else {
          gains.blobs[blob, default: 0] += 1
        }
      }
    }
    for (blob, count) in zip(blobs, refs) where count > 0 {
      if let pack = blob.pack { gains.packs[pack, default: 0] += 1 }
    }
    return refs
  }

  private func writeBlobs(_ statements: RapidStatements, refs: [Int]) throws {
    for (index, blob) in blobs.enumerated() {
      try blob.insert(statements, id: firstBlob + Int64(index), refs: refs[index])
    }
  }

  private func writeStorages(_ statements: RapidStatements) throws {
    let insert = try statements["INSERT INTO storage (id, first_blob, blobs, size, refs) VALUES (?, ?, ?, ?, ?)"]
    let lists = IDLists(db: db, table: .blobStorages)
    for (index, storage) in storages.enumerated() {
      let id = firstStorage + Int64(index)
      try insert.bind(1, id)
      try insert.bind(2, storage.firstBlob)
      try insert.bind(3, storage.packed)
      try insert.bind(4, storage.size)
      try insert.bind(5, storage.refs)
      try insert.run()
      // One of a single blob is found by its list.
      if storage.blobs.count > 1 { for blob in storage.blobs { try lists.insert(CollectionOfOne(id), into: blob) } }
    }
  }

  private func writeTensors(_ statements: RapidStatements, listedBy manifest: Int64) throws {
    let insert = try statements[
      """
      INSERT INTO tensor (id, name_id, storage_id, type_id, byte_offset, refs, manifests) VALUES (?, ?, ?, ?, ?, 1, ?)
      """]
    try insert.bind(6, PackedIDs.encode(CollectionOfOne(manifest)))
    for (index, tensor) in tensors.enumerated() {
      try insert.bind(1, firstTensor + Int64(index))
      try tensor.bind(to: insert, from: 2)
      try insert.run()
    }
  }

  private func writeNames(_ statements: RapidStatements) throws {
    let lists = RecentIDs(db: db, kind: .tensorsOfName)
    let find = try statements["SELECT tensors FROM tensor_name WHERE id = ?"]
    let update = try statements["UPDATE tensor_name SET tensors = ? WHERE id = ?"]
    var changed: [Int64: [Int64]] = [:]
    for (index, tensor) in tensors.enumerated() { changed[tensor.name, default: []].append(firstTensor + Int64(index)) }
    // In the order of their rows, which is that in which names came.
    for (name, ids) in changed.sorted(by: { $0.key < $1.key }) {
      var own: [Int64]
      if let known = tensorsOfNames[name] {
        own = known
      } else {
        try find.bind(1, name)
        own = try find.first { row in try row.withBytes(0) { try PackedIDs.decode($0) } } ?? []
      }
      for id in ids { try lists.add(id, to: &own, of: name) }
      try update.bind(1, PackedIDs.encode(own))
      try update.bind(2, name)
      try update.run()
    }
  }
}

/// What a tensor's row is known by.
struct TensorKey: Hashable {
  var name: Int64
  var storage: Int64
  var type: Int64
  var byteOffset: Int

  /// Binds its columns, in this order, to the arguments of a statement from `first` on.
  func bind(to statement: RapidStatement, from first: Int32) throws {
    try statement.bind(first, name)
    try statement.bind(first + 1, storage)
    try statement.bind(first + 2, type)
    try statement.bind(first + 3, byteOffset)
  }
}
