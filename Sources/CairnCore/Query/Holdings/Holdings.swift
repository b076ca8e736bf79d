import GRDB

/// By what checkpoints are put together when asking who holds what.
public enum HoldingKey: String, Sendable, CaseIterable {
  /// By training run; those of none are a group as well.
  case run
  /// By path.
  case path
  /// Each for itself.
  case version
}

/// What groups of checkpoints hold, each alone and all together.
public struct Holdings: Sendable, Hashable {
  /// Some checkpoints, and what they hold.
  public struct Group: Sendable, Hashable {
    /// The run, the path, or path@version; nil for checkpoints of no run.
    public var name: String?
    /// How many checkpoints it has.
    public var checkpoints: Int
    /// Their bytes, as if each were a file of its own.
    public var logicalBytes: Int
    /// What they hold.
    public var held: HeldBytes
  }

  /// The groups, what frees most first.
  public var groups: [Group]
  /// All that was asked for together: more than the groups' sum, by what they share with each other alone.
  public var total: Group
  /// Whether a manifest that cannot be read keeps everything from being freed until its checkpoint is removed.
  public var isBlocked: Bool
}

extension Repository {
  /// What runs, paths or versions hold: how many bytes they need, and how many removing each alone would free, exactly.
  ///
  /// From the index and the sizes of the packs. `names` are the paths, or single versions, to be told of; all if empty.
  /// What waits for `gc` already, and the log and the index themselves, are nobody's.
  public func holdings(by key: HoldingKey, of names: [PathName] = []) throws -> Holdings {
    try read { db in try HoldingsReader(db, blobs).holdings(by: key, of: names) }
  }
}

/// Reads who holds what.
private struct HoldingsReader {
  private let db: Database
  private let graph: ReferenceGraph

  init(_ db: Database, _ store: BlobStore) throws {
    self.db = db
    graph = try ReferenceGraph(db, store)
  }

  private struct Members {
    var group: Holdings.Group
    var manifests: Set<Int64> = []

    init(_ name: String?) {
      group = Holdings.Group(name: name, checkpoints: 0, logicalBytes: 0, held: HeldBytes())
    }

    mutating func add(_ checkpoint: Row) {
      group.checkpoints += 1
      group.logicalBytes = group.logicalBytes.adding(checkpoint["size"])
      manifests.insert(checkpoint["manifest_id"])
    }
  }

  func holdings(by key: HoldingKey, of names: [PathName]) throws -> Holdings {
    var groups: [Members] = []
    var positions: [ExactName?: Int] = [:]
    var others = Members(nil)
    var total = Members(nil)
    let wanted = Dictionary(grouping: names) { ExactName($0.path) }
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT c.manifest_id, m.size, p.name AS path, c.version, r.name AS run
        FROM checkpoint c JOIN path p ON p.id = c.path_id JOIN manifest m ON m.id = c.manifest_id
          LEFT JOIN run r ON r.id = c.run_id ORDER BY c.id
        """)
    while let row = try rows.next() {
      let path: String = try row.value("path")
      let version: Int = try row.value("version")
      guard names.isEmpty || wanted[ExactName(path)]?.contains(where: { $0.version ?? version == version }) == true
      else {
        others.add(row)
        continue
      }
      total.add(row)
      let name: String? =
        switch key {
        case .run: try row.value("run")
        case .path: path
        case .version: "\(path)@\(version)"
        }
      let position = positions[name.map { ExactName($0) }] ?? groups.count
      if position == groups.count {
        positions[name.map { ExactName($0) }] = position
        groups.append(Members(name))
      }
      groups[position].add(row)
    }
    let held = try held(by: groups.map(\.manifests), others: others.manifests)
    for index in groups.indices { groups[index].group.held = held.groups[index] }
    total.group.held = held.total
    let sorted = groups.map(\.group).sorted {
      ($1.held.freed, $1.held.packed, $0.name ?? "") < ($0.held.freed, $0.held.packed, $1.name ?? "")
    }
    return Holdings(
      groups: sorted, total: total.group, isBlocked: try Repository.hasUnreadableManifest(db))
  }

  private func held(
    by groups: [Set<Int64>], others: Set<Int64>
  ) throws -> (groups: [HeldBytes], total: HeldBytes) {
    let lists = try ManifestLists(db)
    var ownership = Ownership(graph)
    for (index, manifests) in (groups + [others]).enumerated() {
      ownership.beginGroup(outside: index == groups.count)
      try ownership.visit(manifests: manifests.sorted(), lists)
    }
    return ownership.holdings()
  }
}
