/// Equal as in Python: strings by their code points, where Swift's would be equal if they only look the same ("é" in one
/// code point and in two), and a dictionary with both would lose one. Types are told apart: 1 is not 1.0.
extension Checkpoint: Hashable {
  public static func == (left: Checkpoint, right: Checkpoint) -> Bool {
    switch (left, right) {
    case (.null, .null): true
    case (.bool(let left), .bool(let right)): left == right
    case (.int(let left), .int(let right)): left == right
    case (.bigInt(let left), .bigInt(let right)): left == right
    case (.double(let left), .double(let right)): left == right
    case (.complex(let leftReal, let leftImaginary), .complex(let rightReal, let rightImaginary)):
      leftReal == rightReal && leftImaginary == rightImaginary
    case (.string(let left), .string(let right)): left.utf8.elementsEqual(right.utf8)
    case (.bytes(let left), .bytes(let right)): left == right
    case (.byteArray(let left), .byteArray(let right)): left == right
    case (.list(let left), .list(let right)): left == right
    case (.tuple(let left), .tuple(let right)): left == right
    case (.set(let left), .set(let right)): left == right
    case (.frozenSet(let left), .frozenSet(let right)): left == right
    case (.dictionary(let left), .dictionary(let right)): left == right
    case (.tensor(let left), .tensor(let right)): left == right
    case (.storage(let left), .storage(let right)): left == right
    case (.global(let left), .global(let right)): left == right
    case (.object(let left), .object(let right)): left == right
    default: false
    }
  }

  public func hash(into hasher: inout Hasher) {
    switch self {
    case .null: hasher.combine(0 as UInt8)
    case .bool(let value): combine(1, value, &hasher)
    case .int(let value): combine(2, value, &hasher)
    case .bigInt(let value): combine(3, value, &hasher)
    case .double(let value): combine(4, value, &hasher)
    case .complex(let real, let imaginary): combine(5, [real, imaginary], &hasher)
    // Swift's own hash is that of the normalized string: equal strings have it too, and it needs no copy.
    case .string(let value): combine(6, value, &hasher)
    case .bytes(let value): combine(7, value, &hasher)
    case .byteArray(let value): combine(8, value, &hasher)
    case .list(let value): combine(9, value, &hasher)
    case .tuple(let value): combine(10, value, &hasher)
    case .set(let value): combine(11, value, &hasher)
    case .frozenSet(let value): combine(12, value, &hasher)
    case .dictionary(let value): combine(13, value, &hasher)
    case .tensor(let value): combine(14, value, &hasher)
    case .storage(let value): combine(15, value, &hasher)
    case .global(let value): combine(16, value, &hasher)
    case .object(let value): combine(17, value, &hasher)
    }
  }

  private func combine(_ kind: UInt8, _ value: some Hashable, _ hasher: inout Hasher) {
    hasher.combine(kind)
    hasher.combine(value)
  }
}
