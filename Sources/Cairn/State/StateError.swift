/// A state that cannot be saved, or not be loaded in the way asked for.
public enum StateError: Error, Sendable, Hashable, CustomStringConvertible {
  /// Only tensors and primitive values were asked for, and there is an object of class `className` at `place`, a dotted
  /// path (empty for the state itself).
  case notOnlyWeights(className: String, place: String)
  /// The value at `place` is something that a ``Checkpoint`` cannot hold, or PyTorch's format cannot.
  case unsupported(problem: String, place: String)
  /// The state nests deeper than ``StateDecoder/deepest`` levels.
  case tooDeep
  /// The bytes found for a storage are not as many as the state says.
  case storageSize(key: String, expected: Int, found: Int)

  public var description: String {
    switch self {
    case .notOnlyWeights(let className, let place):
      "the checkpoint holds more than weights: \(Self.shown(place)) is of class \(className). "
        + "Load it without weightsOnly if you trust where it comes from"
    case .unsupported(let problem, let place): "\(Self.shown(place)): \(problem)"
    case .tooDeep: "the state nests deeper than \(StateDecoder.deepest) levels"
    case .storageSize(let key, let expected, let found):
      "storage \(key) has \(found) bytes, where the state says \(expected)"
    }
  }

  private static func shown(_ place: String) -> String { place.isEmpty ? "the state itself" : place }
}
