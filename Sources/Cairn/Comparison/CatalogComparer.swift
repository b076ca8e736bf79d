import CairnCore

/// One comparison of two checkpoints.
struct CatalogComparer {
  let old: TensorCatalog
  let new: TensorCatalog
  let options: DiffOptions

  /// A tensor on one side, with what is known of its bytes; nil where it does not lie in its storage.
  private struct Item {
    var entry: TensorEntry
    var view: ElementView?
    var bytes: TensorBytes?

    init(_ entry: TensorEntry, _ catalog: TensorCatalog, _ chunks: StorageChunks) {
      self.entry = entry
      view = try? catalog.view(entry)
      bytes = view.map { TensorBytes($0, in: chunks, isSwapped: catalog.swapped.contains(entry.storage)) }
    }

    var side: TensorDifference.Side {
      TensorDifference.Side(name: entry.name, dtype: entry.dtype, shape: entry.shape, bytes: view?.byteCount)
    }
  }

  /// A tensor that is on both sides.
  private struct Pair {
    var old: Item
    var new: Item
  }

  func run() throws -> CheckpointDiff {
    let olds = items(old)
    let news = items(new)
    var changes: [TensorDifference] = []
    var pairs: [Pair] = []
    var added: [Item] = []
    let byName = Dictionary(olds.map { ($0.entry.name, $0) }, uniquingKeysWith: { first, _ in first })
    let newNames = Set(news.map(\.entry.name))
    for item in news {
      if let before = byName[item.entry.name] {
        pairs.append(Pair(old: before, new: item))
      } else {
        added.append(item)
      }
    }
    let removed = olds.filter { !newNames.contains($0.entry.name) }
    changes += onOneSide(removed: removed, added: added)
    var diff = CheckpointDiff(
      old: old.name, new: new.name, tensors: [], unchangedCount: 0, relaidCount: 0, metadata: metadata())
    changes += try onBothSides(pairs, &diff)
    diff.tensors = changes.sorted { ($0.name, $0.kind.rawValue) < ($1.name, $1.kind.rawValue) }
    return diff
  }

  /// The tensors of a side, the first of each name.
  private func items(_ catalog: TensorCatalog) -> [Item] {
    var seen: Set<String> = []
    var storages: [Int: StorageChunks] = [:]
    return catalog.tensors.filter { seen.insert($0.name).inserted }.map { entry in
      let chunks = storages[entry.storage] ?? StorageChunks(catalog.chunks(ofStorage: entry.storage))
      storages[entry.storage] = chunks
      return Item(entry, catalog, chunks)
    }
  }

  private func isWanted(_ names: String?...) -> Bool {
    guard let only = options.only else { return true }
    return names.contains { $0.map(only.matches) ?? false }
  }

  private func onOneSide(removed: [Item], added: [Item]) -> [TensorDifference] {
    func candidates(_ items: [Item]) -> (kept: [Int], [MoveDetection.Candidate]) {
      let kept = items.indices.filter { items[$0].bytes != nil }
      return (
        kept,
        kept.compactMap { index in
          items[index].bytes.map {
            MoveDetection.Candidate(name: items[index].entry.name, bytes: $0, size: items[index].view?.byteCount ?? 0)
          }
        }
      )
    }
    let (oldIndexes, olds) = candidates(removed)
    let (newIndexes, news) = candidates(added)
    var changes: [TensorDifference] = []
    var movedFrom: Set<Int> = []
    var movedTo: Set<Int> = []
    for pair in MoveDetection.pairs(removed: olds, added: news) {
      let (from, to) = (oldIndexes[pair.old], newIndexes[pair.new])
      movedFrom.insert(from)
      movedTo.insert(to)
      guard isWanted(removed[from].entry.name, added[to].entry.name) else { continue }
      changes.append(TensorDifference(kind: .moved, old: removed[from].side, new: added[to].side, isCertain: true))
    }
    for (index, item) in removed.enumerated() where !movedFrom.contains(index) && isWanted(item.entry.name) {
      changes.append(TensorDifference(kind: .removed, old: item.side, new: nil, isCertain: true))
    }
    for (index, item) in added.enumerated() where !movedTo.contains(index) && isWanted(item.entry.name) {
      changes.append(TensorDifference(kind: .added, old: nil, new: item.side, isCertain: true))
    }
    return changes
  }

  private func onBothSides(_ pairs: [Pair], _ diff: inout CheckpointDiff) throws -> [TensorDifference] {
    var changes: [TensorDifference] = []
    var compared: [(change: Int, sources: (old: ElementSource, new: ElementSource))] = []
    for pair in pairs where isWanted(pair.new.entry.name) {
      guard let change = change(pair) else {
        diff.unchangedCount += 1
        continue
      }
      if options.values, let a = pair.old.view, let b = pair.new.view, a.shape == b.shape {
        compared.append(
          (
            changes.count,
            (try old.source(pair.old.entry, verify: false), try new.source(pair.new.entry, verify: false))
          ))
      }
      changes.append(change)
    }
    guard options.values else { return changes }
    let values = try ValueComparer.changes(
      compared.map(\.sources), progress: options.progress, isCancelled: options.isCancelled)
    try old.checkUnchanged()
    try new.checkUnchanged()
    for (item, values) in zip(compared, values) {
      changes[item.change].values = values
      if values != nil { changes[item.change].isCertain = true }
    }
    let same = changes.count { $0.kind == .changed && $0.values?.changedCount == 0 }
    diff.unchangedCount += same
    diff.relaidCount += same
    return changes.filter { $0.kind != .changed || $0.values?.changedCount != 0 }
  }

  /// What has become of a tensor that both sides have; nil if it is the same.
  private func change(_ pair: Pair) -> TensorDifference? {
    let (a, b) = (pair.old, pair.new)
    var kind = TensorDifference.Kind.changed
    var isCertain = true
    if a.entry.dtype != b.entry.dtype {
      kind = .retyped
    } else if a.entry.shape != b.entry.shape {
      kind = .reshaped
    } else if a.view?.elementCount == 0, b.view?.elementCount == 0 {
      return nil
    } else if let bytes = a.bytes, let others = b.bytes {
      switch bytes.equality(others) {
      case .same: return nil
      case .different: break
      case .unknown: isCertain = false
      }
    } else {
      isCertain = false
    }
    return TensorDifference(kind: kind, old: a.side, new: b.side, isCertain: isCertain)
  }

  private func metadata() -> [MetadataDifference] {
    guard options.only == nil else { return [] }
    let isStored = old.record != nil && new.record != nil
    let names = Set(old.properties.keys).union(new.properties.keys).sorted { left, right in
      (Self.rank(left), left) < (Self.rank(right), right)
    }
    return names.compactMap { name in
      // A file knows nothing of these.
      if !isStored, name == "run" || name.hasPrefix("metadata.") { return nil }
      if let origin = Self.origins[name], [old, new].allSatisfy({ $0.properties[name] == $0.properties[origin] }) {
        return nil
      }
      let (before, after) = (old.properties[name], new.properties[name])
      return before == after ? nil : MetadataDifference(name: name, old: before, new: after)
    }
  }

  /// What step and epoch are taken from says the same once more.
  private static let origins = [
    "extracted.epoch": "epoch", "extracted.global_step": "step", "extracted.step": "step",
  ]

  /// What training is known by comes first.
  private static func rank(_ name: String) -> Int {
    let order = ["run", "step", "epoch", "metrics", "metadata", "extracted"]
    return order.firstIndex { name == $0 || name.hasPrefix($0 + ".") } ?? order.count
  }
}
