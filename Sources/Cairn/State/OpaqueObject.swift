/// An object of a class that Cairn does not know, with all that its pickle says of it, so that it can be saved again.
///
/// What Python would do to make it: call ``callable`` with ``arguments``, append ``items``, set ``pairs``, and give it
/// ``state``. Nothing of this is ever done here. Tensors in it (those of a sparse tensor, say) are ordinary tensors.
public final class OpaqueObject: Sendable {
  /// How the object is made.
  public indirect enum Construction: Sendable, Hashable {
    /// `callable(*arguments)`
    case reduce
    /// `callable.__new__(callable, *arguments)`
    case newObject
    /// `callable.__new__(callable, *arguments, **keywords)`
    case newObjectWithKeywords(Checkpoint)
  }

  /// How the object is made.
  public let construction: Construction
  /// The class or function, most often a ``Checkpoint/global(_:)``.
  public let callable: Checkpoint
  /// A tuple of arguments.
  public let arguments: Checkpoint
  /// What is appended to it.
  public let items: [Checkpoint]
  /// What is set in it by key.
  public let pairs: CheckpointDictionary
  /// What its `__setstate__` is given, or its attributes.
  public let state: Checkpoint?
  /// The dotted name of its class, or of the function that makes it.
  public let className: String

  /// Makes an object from its parts.
  ///
  /// - Parameter className: The name of its class, if that is not the name of `callable`.
  public init(
    _ construction: Construction = .reduce, callable: Checkpoint, arguments: Checkpoint, items: [Checkpoint] = [],
    pairs: CheckpointDictionary = CheckpointDictionary(), state: Checkpoint? = nil, className: String? = nil
  ) {
    self.construction = construction
    self.callable = callable
    self.arguments = arguments
    self.items = items
    self.pairs = pairs
    self.state = state
    if let className {
      self.className = className
    } else if case .global(let global) = callable {
      self.className = global.modern.description
    } else {
      self.className = "an object of a computed class"
    }
  }
}

/// Equal if all parts are.
extension OpaqueObject: Hashable {
  public static func == (left: OpaqueObject, right: OpaqueObject) -> Bool {
    left === right
      || left.construction == right.construction && left.callable == right.callable
        && left.arguments == right.arguments && left.items == right.items && left.pairs == right.pairs
        && left.state == right.state
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(callable)
    hasher.combine(arguments)
  }
}
