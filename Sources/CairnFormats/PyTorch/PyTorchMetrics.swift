import CairnCore

/// Finds the metrics that a Lightning checkpoint was saved with.
///
/// A `ModelCheckpoint` callback (lightning/pytorch/callbacks/model_checkpoint.py, `state_dict`) keeps the value that it
/// monitors for each of the best checkpoints by their paths, `best_k_models`. Only the value under the file's own path
/// is its metric. `current_score` is left over from an earlier save where a checkpoint did not enter the best.
public enum PyTorchMetrics {
  static func of(
    _ graph: PyTorchGraph, savedAs filePath: String?, entries: TensorNames
  ) -> [String: PyTorchContents.MetricValue] {
    let pickle = graph.pickle
    guard let filePath, let state = pickle.members(pickle.root), let callbacks = pickle.value("callbacks", in: state),
      let states = pickle.members(callbacks)
    else { return [:] }
    var metrics: [String: PyTorchContents.MetricValue] = [:]
    // A bound, since every callback may name the same long list of paths.
    for callback in states.prefix(1000) {
      guard let members = pickle.members(callback.value), let monitor = pickle.value("monitor", in: members),
        case .string(let name) = pickle[monitor], let best = pickle.value("best_k_models", in: members),
        let scores = pickle.members(best), scores.count <= 10_000, let score = score(of: filePath, in: scores, pickle),
        metrics[name] == nil
      else { continue }
      switch pickle[score] {
      case .float(let value): metrics[name] = .number(value)
      case .int(let value): metrics[name] = .number(Double(value))
      default:
        if let position = entries.firstEntry[score], entries.entries[position].shape.allSatisfy({ $0 == 1 }) {
          metrics[name] = .tensor(entries.entries[position])
        }
      }
    }
    return metrics
  }

  /// The value under exactly `filePath`; or else, since files move, under the only path that ends in the same
  /// directory and file name.
  private static func score(of filePath: String, in scores: [PicklePair], _ pickle: PickleGraph) -> PickleGraph.ID? {
    var similar: [PickleGraph.ID] = []
    let wanted = ending(filePath)
    for pair in scores.reversed() {
      guard case .string(let path) = pickle[pair.key] else { continue }
      if path.isExactly(filePath) { return pair.value }
      if let wanted, ending(path) == wanted { similar.append(pair.value) }
    }
    return similar.count == 1 ? similar.first : nil
  }

  /// The last two components of a path; nil if there are fewer.
  private static func ending(_ path: String) -> [Substring]? {
    let parts = path.split(whereSeparator: { $0 == "/" || $0 == "\\" }).filter { $0 != "." }
    return parts.count >= 2 && !parts.suffix(2).contains("..") ? Array(parts.suffix(2)) : nil
  }
}

extension PickleGraph {
  /// The value under a string key; the last, if there are several.
  func value(_ key: String, in pairs: [PicklePair]) -> ID? {
    for pair in pairs.reversed() {
      if case .string(let text) = nodes[pair.key], text == key { return pair.value }
    }
    return nil
  }
}
