/// A Python dictionary: keys of any hashable type, in the order in which they were set.
public struct CheckpointDictionary: Sendable {
  /// The two types of dictionaries.
  public enum Kind: Sendable, Hashable {
    /// `dict`
    case plain
    /// `collections.OrderedDict`, as state dicts of modules are
    case ordered
  }

  /// Which type it is.
  public var kind: Kind
  /// The attributes of an `OrderedDict`: a module's state dict has `_metadata`, with the versions of its parts.
  public var attributes: Checkpoint? {
    get { attributeBox.first }
    set { attributeBox = newValue.map { [$0] } ?? [] }
  }

  /// An array, since a structure cannot hold itself.
  private var attributeBox: [Checkpoint] = []
  private var items: [(key: Checkpoint, value: Checkpoint)] = []
  private var positions: [Checkpoint: Int] = [:]

  /// Makes an empty dictionary.
  public init(_ kind: Kind = .plain) { self.kind = kind }

  /// Makes a dictionary of pairs; of several with the same key the last value counts, in the first one's place.
  public init(_ pairs: some Sequence<(Checkpoint, Checkpoint)>, kind: Kind = .plain, attributes: Checkpoint? = nil) {
    self.kind = kind
    self.attributes = attributes
    for (key, value) in pairs { self[key] = value }
  }

  /// The keys, in order.
  public var keys: [Checkpoint] { items.map(\.key) }
  /// The values, in order.
  public var values: [Checkpoint] { items.map(\.value) }

  /// The value under a key; nil if there is none, and set to nil to remove it.
  public subscript(key: Checkpoint) -> Checkpoint? {
    get { positions[key].map { items[$0].value } }
    set {
      if let position = positions[key] {
        if let newValue {
          items[position].value = newValue
        } else {
          items.remove(at: position)
          positions[key] = nil
          for later in position..<items.count { positions[items[later].key] = later }
        }
      } else if let newValue {
        positions[key] = items.count
        items.append((key, newValue))
      }
    }
  }

  /// The value under a string key.
  public subscript(key: String) -> Checkpoint? {
    get { self[.string(key)] }
    set { self[.string(key)] = newValue }
  }
}

extension CheckpointDictionary: RandomAccessCollection {
  public var startIndex: Int { 0 }
  public var endIndex: Int { items.count }
  /// The pair at a position.
  public subscript(position: Int) -> (key: Checkpoint, value: Checkpoint) { items[position] }
}

/// Equal if type, attributes, and pairs with their order are.
extension CheckpointDictionary: Hashable {
  public static func == (left: CheckpointDictionary, right: CheckpointDictionary) -> Bool {
    left.kind == right.kind && left.attributes == right.attributes && left.elementsEqual(right) { $0 == $1 }
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(kind)
    for (key, value) in items {
      hasher.combine(key)
      hasher.combine(value)
    }
  }
}
