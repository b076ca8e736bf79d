/// A training state: nested dictionaries, lists, numbers, strings and tensors, by Python's types.
///
/// It is what `torch.save` is given. Literals make the common cases:
/// ```swift
/// let state: Checkpoint = ["epoch": 3, "state_dict": ["weight": .tensor(weight)]]
/// state["state_dict"]?["weight"]?.tensor
/// ```
/// Values are copied, as Swift's are; a list that Python had at two places is two lists here. Tensors share their
/// storages, and ``OpaqueObject``s are one and the same object wherever they occur.
public enum Checkpoint: Sendable {
  /// `None`
  case null
  case bool(Bool)
  case int(Int64)
  /// An `int` beyond 64 bits.
  case bigInt(BigInteger)
  case double(Double)
  case complex(real: Double, imaginary: Double)
  case string(String)
  case bytes([UInt8])
  case byteArray([UInt8])
  case list([Checkpoint])
  case tuple([Checkpoint])
  case set([Checkpoint])
  case frozenSet([Checkpoint])
  case dictionary(CheckpointDictionary)
  case tensor(Tensor)
  /// A storage by itself, not through a tensor.
  case storage(StorageValue)
  /// A class or function, by name only: `torch.float32`, `builtins.list`.
  case global(PickleGlobal)
  /// An object of any other class, and a tensor of any other kind: sparse, quantized, a subclass.
  case object(OpaqueObject)
}

/// An integer beyond 64 bits.
public struct BigInteger: Sendable, Hashable, CustomStringConvertible {
  /// Little-endian two's complement.
  public let bytes: [UInt8]

  /// Makes a number from its little-endian two's complement.
  public init(twosComplement bytes: [UInt8]) { self.bytes = bytes }

  public var description: String { PythonInteger.description(bytes) }
}

/// A storage as a value of its own, and the element type that it is read as.
public struct StorageValue: Sendable, Hashable {
  /// The bytes.
  public var storage: TensorStorage
  /// The type of the elements; nil for an `UntypedStorage`.
  public var dtype: DType?

  /// Makes a value from its parts.
  public init(storage: TensorStorage, dtype: DType?) {
    self.storage = storage
    self.dtype = dtype
  }

  public static func == (left: StorageValue, right: StorageValue) -> Bool {
    left.dtype == right.dtype
      && (left.storage === right.storage
        || left.storage.withUnsafeBytes { bytes in right.storage.withUnsafeBytes { bytes.elementsEqual($0) } })
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(dtype)
    hasher.combine(storage.byteCount)
  }
}

extension Checkpoint {
  /// The value under a key of a dictionary; nil for anything else. Setting makes a dictionary of whatever was there.
  public subscript(key: Checkpoint) -> Checkpoint? {
    get { dictionary?[key] }
    set {
      var members = dictionary ?? CheckpointDictionary()
      members[key] = newValue
      self = .dictionary(members)
    }
  }

  /// The value under a string key of a dictionary.
  public subscript(key: String) -> Checkpoint? {
    get { self[.string(key)] }
    set { self[.string(key)] = newValue }
  }

  /// The element at a position of a list or tuple, or the value under an integer key of a dictionary.
  public subscript(position: Int) -> Checkpoint? {
    guard let elements else { return self[.int(Int64(position))] }
    guard elements.indices.contains(position) else { return nil }
    return elements[position]
  }

  /// The dictionary, if it is one.
  public var dictionary: CheckpointDictionary? {
    if case .dictionary(let value) = self { return value }
    return nil
  }

  /// The elements of a list, tuple or set.
  public var elements: [Checkpoint]? {
    switch self {
    case .list(let elements), .tuple(let elements), .set(let elements), .frozenSet(let elements): return elements
    default: return nil
    }
  }

  /// The tensor, if it is one.
  public var tensor: Tensor? {
    if case .tensor(let value) = self { return value }
    return nil
  }

  /// The string, if it is one.
  public var string: String? {
    if case .string(let value) = self { return value }
    return nil
  }

  /// The number, if it is an integer.
  public var int: Int? {
    if case .int(let value) = self { return Int(value) }
    return nil
  }

  /// The number, if it is one.
  public var double: Double? {
    switch self {
    case .double(let value): return value
    case .int(let value): return Double(value)
    default: return nil
    }
  }

  /// Whether it is true, if it is a boolean.
  public var bool: Bool? {
    if case .bool(let value) = self { return value }
    return nil
  }
}

extension Checkpoint: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int64) { self = .int(value) }
  public init(floatLiteral value: Double) { self = .double(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(arrayLiteral elements: Checkpoint...) { self = .list(elements) }
  public init(dictionaryLiteral elements: (Checkpoint, Checkpoint)...) {
    self = .dictionary(CheckpointDictionary(elements))
  }
  public init(nilLiteral: ()) { self = .null }
}
