import GRDB

/// What the tensors whose names begin alike take.
public struct TensorPrefixHolding: Sendable, Hashable {
  /// The first parts of their names; nil for what is no tensor: skeletons, literal parts of files.
  public var prefix: String?
  /// How many names there are.
  public var names: Int
  /// Their storages' bytes, as if each checkpoint had its own.
  public var logicalBytes: Int
  /// The bytes of their blobs, each once. What several prefixes need counts for each.
  public var storedBytes: Int
  /// The bytes of those blobs that no other prefix needs.
  public var ownBytes: Int
}

extension Repository {
  /// What tensors take by the first `depth` parts of their dotted names, the largest first.
  public func holdings(byTensorPrefix depth: Int) throws -> [TensorPrefixHolding] {
    try read { db in
      var reader = try PrefixReader(db, blobs, depth: max(1, depth))
      return try reader.holdings()
    }
  }
}

private struct PrefixReader {
  private let db: Database
  private let graph: ReferenceGraph
  private var found: [TensorPrefixHolding] = []
  /// By tensor: the position in ``found``.
  private var prefixOfTensor: [Int32] = []
  private let noTensor = 0

  init(_ db: Database, _ store: BlobStore, depth: Int) throws {
    self.db = db
    graph = try ReferenceGraph(db, store)
    found = [TensorPrefixHolding(prefix: nil, names: 0, logicalBytes: 0, storedBytes: 0, ownBytes: 0)]
    var positions: [ExactName: Int] = [:]
    var names = RowNumbers(rows: try Int.fetchOne(db, sql: "SELECT count(*) FROM tensor_name") ?? 0)
    var prefixOfName: [Int32] = []
    try RawRows(db, "SELECT id, name FROM tensor_name ORDER BY id").forEach { row in
      let prefix = Self.prefix(row.text(1), depth)
      let position = positions[ExactName(prefix)] ?? found.count
      if position == found.count {
        positions[ExactName(prefix)] = position
        found.append(TensorPrefixHolding(prefix: prefix, names: 0, logicalBytes: 0, storedBytes: 0, ownBytes: 0))
      }
      names.add(row.integer(0))
      prefixOfName.append(Int32(clamping: position))
    }
    // A name may be left of tensors that are gone.
    var isUsed = Array(repeating: false, count: names.count)
    prefixOfTensor.reserveCapacity(graph.tensors.count)
    for name in graph.nameOfTensor {
      guard let number = names[name] else {
        prefixOfTensor.append(Int32(noTensor))
        continue
      }
      let position = prefixOfName[number]
      prefixOfTensor.append(position)
      if !isUsed[number] {
        isUsed[number] = true
        found[Int(position)].names += 1
      }
    }
  }

  private static func prefix(_ name: String, _ depth: Int) -> String {
    var dots = 0
    for index in name.utf8.indices where name.utf8[index] == UInt8(ascii: ".") {
      dots += 1
      if dots == depth { return String(name[..<index]) }
    }
    return name
  }

  mutating func holdings() throws -> [TensorPrefixHolding] {
    let loose = try addLogicalBytes()
    addStoredBytes(loose)
    return found.filter { $0.logicalBytes > 0 || $0.names > 0 }.sorted {
      ($1.storedBytes, $1.logicalBytes, $0.prefix ?? "") < ($0.storedBytes, $0.logicalBytes, $1.prefix ?? "")
    }
  }

  /// Adds up what each checkpoint has of each prefix, a storage once; returns the storages that no tensor names.
  private mutating func addLogicalBytes() throws -> Set<Int64> {
    struct Part: Hashable {
      var storage: Int32
      var prefix: Int32
    }
    var loose: Set<Int64> = []
    var lastManifest = [Int32](repeating: -1, count: graph.storages.count)
    var lastPrefix = [Int32](repeating: -1, count: graph.storages.count)
    let lists = try ManifestLists(db)
    let manifests = try Row.fetchAll(
      db, sql: "SELECT manifest_id, count(*) FROM checkpoint GROUP BY manifest_id ORDER BY manifest_id")
    for (number, row) in manifests.enumerated() {
      let times: Int = try row.value(1)
      // Storages that tensors of several prefixes name: few.
      var parts: Set<Part> = []
      try lists.read(row.value(0)) { list in
        for id in list.storages {
          loose.insert(id)
          if let storage = graph.storages[id] { add(storage, times, to: noTensor) }
        }
        for id in list.tensors {
          guard let tensor = graph.tensors[id] else { continue }
          let storage = graph.storageOfTensor[tensor]
          let prefix = prefixOfTensor[tensor]
          guard storage >= 0 else { continue }
          if lastManifest[Int(storage)] == Int32(number) {
            if lastPrefix[Int(storage)] == prefix { continue }
            parts.insert(Part(storage: storage, prefix: lastPrefix[Int(storage)]))
            guard parts.insert(Part(storage: storage, prefix: prefix)).inserted else { continue }
          }
          lastManifest[Int(storage)] = Int32(number)
          lastPrefix[Int(storage)] = prefix
          add(Int(storage), times, to: Int(prefix))
        }
      }
    }
    return loose
  }

  private mutating func add(_ storage: Int, _ times: Int, to prefix: Int) {
    let bytes = graph.storageSizes[storage].times(times)
    found[prefix].logicalBytes = found[prefix].logicalBytes.adding(bytes)
  }

  private mutating func addStoredBytes(_ loose: Set<Int64>) {
    var tensors = [[Int32]](repeating: [], count: found.count)
    for (tensor, prefix) in prefixOfTensor.enumerated() { tensors[Int(prefix)].append(Int32(tensor)) }
    var ownership = Ownership(graph)
    for prefix in found.indices {
      ownership.beginGroup()
      if prefix == noTensor { for id in loose { ownership.visit(storageID: id) } }
      for tensor in tensors[prefix] { ownership.visit(tensor: Int(tensor)) }
    }
    for (prefix, held) in ownership.holdings().groups.enumerated() {
      found[prefix].storedBytes = held.needed
      found[prefix].ownBytes = held.own
    }
  }
}
