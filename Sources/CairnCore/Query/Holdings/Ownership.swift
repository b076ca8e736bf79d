/// Which of several groups of checkpoints hold what, group after group in one pass over the manifests' lists.
///
/// It counts as ``References`` does: a row goes when all that refers to it goes. So what only one group holds is just
/// what removing that group frees.
struct Ownership {
  private static let nobody: Int32 = -1
  private static let several: Int32 = -2

  /// Which rows the group at hand has come to already.
  private struct Seen {
    private var stamps: [Int32]

    init(_ count: Int) { stamps = Array(repeating: -1, count: count) }

    mutating func visit(_ row: Int, _ group: Int32) -> Bool {
      if stamps[row] == group { return false }
      stamps[row] = group
      return true
    }
  }

  /// Rows, and who holds them.
  private struct Owned {
    private var seen: Seen
    private(set) var owners: [Int32]
    /// Whether the group that does not count in the total holds it.
    private(set) var isOutside: [Bool]

    init(_ count: Int) {
      seen = Seen(count)
      owners = Array(repeating: nobody, count: count)
      isOutside = Array(repeating: false, count: count)
    }

    mutating func visit(_ row: Int, _ group: Int32, outside: Bool) -> Bool {
      guard seen.visit(row, group) else { return false }
      owners[row] = owners[row] == nobody ? group : several
      if outside { isOutside[row] = true }
      return true
    }
  }

  private let graph: ReferenceGraph
  private var group: Int32 = -1
  private var isOutside = false
  private var tensors: Seen
  private var storages: Seen
  private var blobs: Owned
  private var packs: Owned
  private var needed: [Int] = []
  private var neededTotal = 0

  init(_ graph: ReferenceGraph) {
    self.graph = graph
    tensors = Seen(graph.tensors.count)
    storages = Seen(graph.storages.count)
    blobs = Owned(graph.blobs.count)
    packs = Owned(graph.packs.count)
  }

  /// What is visited from here on belongs to the next group. One that is `outside` does not count in the total.
  mutating func beginGroup(outside: Bool = false) {
    group += 1
    isOutside = outside
    needed.append(0)
  }

  /// All that these manifests list belongs to the group.
  mutating func visit(manifests: some Sequence<Int64>, _ lists: ManifestLists) throws {
    for manifest in manifests {
      try lists.read(manifest) { list in
        visit(blobID: list.blob)
        for id in list.storages { visit(storageID: id) }
        for id in list.tensors { visit(tensorID: id) }
      }
    }
  }

  mutating func visit(tensorID: Int64) {
    guard let tensor = graph.tensors[tensorID] else { return }
    visit(tensor: tensor)
  }

  mutating func visit(tensor: Int) {
    guard tensors.visit(tensor, group) else { return }
    let storage = graph.storageOfTensor[tensor]
    if storage >= 0 { visit(storage: Int(storage)) }
  }

  mutating func visit(storageID: Int64) {
    if let storage = graph.storages[storageID] { visit(storage: storage) }
  }

  private mutating func visit(storage: Int) {
    guard storages.visit(storage, group) else { return }
    for blob in graph.blobs(ofStorage: storage) { visit(blob: Int(blob)) }
  }

  mutating func visit(blobID: Int64) {
    if let blob = graph.blobs[blobID] { visit(blob: blob) }
  }

  private mutating func visit(blob: Int) {
    guard blobs.visit(blob, group, outside: isOutside) else { return }
    needed[Int(group)] = needed[Int(group)].adding(graph.blobBytes[blob])
    let pack = graph.packOfBlob[blob]
    if pack >= 0 { _ = packs.visit(Int(pack), group, outside: isOutside) }
  }

  /// What each group holds, and what all that are not outside hold together.
  func holdings() -> (groups: [HeldBytes], total: HeldBytes) {
    var groups = needed.map { HeldBytes(needed: $0) }
    var total = HeldBytes()
    for blob in blobs.owners.indices where blobs.owners[blob] != Self.nobody {
      let bytes = graph.blobBytes[blob]
      let pack = Int(graph.packOfBlob[blob])
      let owner = blobs.owners[blob]
      if owner >= 0 {
        groups[Int(owner)].add(blob: bytes, inPack: pack >= 0, packStays: pack >= 0 && packs.owners[pack] != owner)
      }
      if !blobs.isOutside[blob] {
        total.add(blob: bytes, inPack: pack >= 0, packStays: pack >= 0 && packs.isOutside[pack])
        total.needed = total.needed.adding(bytes)
      }
    }
    for pack in packs.owners.indices where packs.owners[pack] != Self.nobody {
      let owner = packs.owners[pack]
      if owner >= 0 { groups[Int(owner)].add(file: graph.packBytes[pack]) }
      if !packs.isOutside[pack] { total.add(file: graph.packBytes[pack]) }
    }
    return (groups, total)
  }
}

/// Bytes that some checkpoints hold.
public struct HeldBytes: Sendable, Hashable {
  /// Those of all blobs that they need, each once.
  public var needed = 0
  /// Those of the blobs that nothing else needs.
  public var own = 0
  /// Those of the files that go when they are removed: what `rm` frees.
  public var freed = 0
  /// How many files these are.
  public var freedFiles = 0
  /// Those of the blobs that nothing else needs and that lie in packs which something else needs: they stay for now, and
  /// `gc` gets them back once less than half of the pack is needed.
  public var packed = 0

  /// Those of the blobs that something else needs as well.
  public var shared: Int { needed - own }

  fileprivate mutating func add(blob bytes: Int, inPack: Bool, packStays: Bool) {
    own = own.adding(bytes)
    if !inPack { add(file: bytes) } else if packStays { packed = packed.adding(bytes) }
  }

  fileprivate mutating func add(file bytes: Int) {
    freed = freed.adding(bytes)
    freedFiles += 1
  }
}
