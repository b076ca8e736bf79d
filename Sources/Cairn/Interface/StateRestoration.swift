import CairnFormats

/// Restores a state in place from a checkpoint that was loaded, as Fabric's `load(path, state)` does.
///
/// - A tensor of the state keeps its memory, into which the checkpoint's values are written: whoever else holds the
///   tensor, or another view on its storage, sees them. Element type and shape have to be the same.
/// - A dictionary with tensors in it has to have the same keys, as in PyTorch's strict `load_state_dict`; so with lists.
/// - Any other value is replaced.
///
/// Everything is checked before anything is written.
public enum StateRestoration {
  /// A state that the checkpoint does not fit.
  public struct Mismatch: Error, Sendable, Hashable, CustomStringConvertible {
    /// The dotted path of the value.
    public var place: String
    /// What is different.
    public var problem: String

    public var description: String { "\(place): \(problem)" }
  }

  /// Restores `state`, a dictionary, from the values under its keys in `checkpoint`.
  ///
  /// Returns the state, and the checkpoint without what was asked for. Throws ``Mismatch``.
  public static func restore(
    _ state: Checkpoint, from checkpoint: Checkpoint
  ) throws(Mismatch) -> (state: Checkpoint, remainder: Checkpoint) {
    guard case .dictionary(let wanted) = state, case .dictionary(let saved) = checkpoint else {
      throw Mismatch(place: "state", problem: "a state that is restored in place, and its checkpoint, are dictionaries")
    }
    var writes: [(target: Tensor, source: Tensor)] = []
    var restored = wanted
    for (key, value) in wanted {
      guard let member = saved[key] else {
        throw Mismatch(place: describe(key), problem: "the checkpoint does not have it")
      }
      restored[key] = try match(value, member, place: describe(key), &writes)
    }
    for write in writes { write.target.assign(write.source) }
    // In one pass: removing keys one by one moves all that follow, each time.
    let remainder = CheckpointDictionary(
      saved.lazy.filter { wanted[$0.key] == nil }.map { ($0.key, $0.value) }, kind: saved.kind,
      attributes: saved.attributes)
    return (.dictionary(restored), .dictionary(remainder))
  }

  private static func match(
    _ value: Checkpoint, _ saved: Checkpoint, place: String, _ writes: inout [(target: Tensor, source: Tensor)]
  ) throws(Mismatch) -> Checkpoint {
    switch (value, saved) {
    case (.tensor(let target), .tensor(let source)):
      guard target.dtype == source.dtype, target.shape == source.shape else {
        throw Mismatch(place: place, problem: "it is \(target), and the checkpoint has \(source)")
      }
      writes.append((target, source))
      return value
    case (.dictionary(let target), .dictionary(let source)) where holdsTensor(value):
      let missing = target.keys.filter { source[$0] == nil }
      let unexpected = source.keys.filter { target[$0] == nil }
      guard missing.isEmpty, unexpected.isEmpty else {
        throw Mismatch(
          place: place,
          problem: "the checkpoint lacks \(names(missing)) and has \(names(unexpected)) that the state does not")
      }
      var result = target
      for (key, member) in target {
        guard let other = source[key] else { continue }
        result[key] = try match(member, other, place: "\(place).\(describe(key))", &writes)
      }
      return .dictionary(result)
    case (.list(let target), .list(let source)) where holdsTensor(value):
      return .list(try match(target, source, place: place, &writes))
    case (.tuple(let target), .tuple(let source)) where holdsTensor(value):
      return .tuple(try match(target, source, place: place, &writes))
    default:
      guard !holdsTensor(value) else {
        throw Mismatch(place: place, problem: "the checkpoint has something of another kind there")
      }
      return saved
    }
  }

  private static func match(
    _ target: [Checkpoint], _ source: [Checkpoint], place: String, _ writes: inout [(target: Tensor, source: Tensor)]
  ) throws(Mismatch) -> [Checkpoint] {
    guard target.count == source.count else {
      throw Mismatch(place: place, problem: "it has \(target.count) elements, and the checkpoint \(source.count)")
    }
    var result: [Checkpoint] = []
    for index in target.indices {
      result.append(try match(target[index], source[index], place: "\(place).\(index)", &writes))
    }
    return result
  }

  private static func holdsTensor(_ value: Checkpoint) -> Bool {
    switch value {
    case .tensor: return true
    case .dictionary(let members): return members.values.contains(where: holdsTensor)
    case .list(let elements), .tuple(let elements): return elements.contains(where: holdsTensor)
    default: return false
    }
  }

  private static func names(_ keys: [Checkpoint]) -> String {
    keys.isEmpty ? "nothing" : keys.prefix(5).map(describe).joined(separator: ", ") + (keys.count > 5 ? ", …" : "")
  }

  private static func describe(_ key: Checkpoint) -> String {
    switch key {
    case .string(let text): return text
    case .int(let number): return String(number)
    default: return "\(key)"
    }
  }
}
