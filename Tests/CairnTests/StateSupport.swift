import Cairn

/// Encodes and decodes again.
func roundTrip(_ checkpoint: Checkpoint, weightsOnly: Bool = false) throws -> Checkpoint {
  try decode(StateEncoder.encode(checkpoint), weightsOnly: weightsOnly)
}

func decode(
  _ encoded: EncodedState, weightsOnly: Bool = false, mapLocation: MapLocation? = nil
) throws -> Checkpoint {
  try StateDecoder.decode(encoded.skeleton, weightsOnly: weightsOnly, mapLocation: mapLocation) {
    key, byteCount, location in
    guard let position = Int(key) else { throw Missing(key: key) }
    return TensorStorage(encoded.storages[position].bytes, location: location)
  }
}

struct Missing: Error { let key: String }

/// Reproducible random numbers (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// Makes random states.
struct StateMaker {
  var random: SeededGenerator
  var storages: [TensorStorage] = []

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }

  mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) } }

  mutating func value(depth: Int) throws -> Checkpoint {
    switch below(depth > 0 ? 18 : 9) {
    case 0: return [.null, .bool(true), .bool(false)][below(3)]
    case 1: return .int(Int64(truncatingIfNeeded: random.next() >> UInt64(below(64))))
    case 2: return .double(Double.random(in: -1e6...1e6, using: &random))
    case 3: return .string(["", "a", "ü😀", "line\nbreak\0", "storage", String(repeating: "x", count: 300)][below(6)])
    case 4: return .bytes(bytes(below(300)))
    case 5: return .byteArray(bytes(below(10)))
    case 6: return .bigInt(BigInteger(twosComplement: bytes(9 + below(300)) + [UInt8(1 + below(100))]))
    case 7: return .complex(real: Double(below(10)), imaginary: -0.5)
    case 8: return .global(PickleGlobal("torch", ["float32", "Size.Inner", "a\nb"][below(3)]))
    case 9: return .list(try values(depth))
    case 10: return .tuple(try values(depth))
    case 11: return .set([.int(1), .string("b")])
    case 12: return .frozenSet([.int(Int64(below(5)))])
    case 13, 14:
      var dictionary = CheckpointDictionary(below(2) == 0 ? .plain : .ordered)
      for value in try values(depth) { dictionary[try key()] = value }
      if dictionary.kind == .ordered, below(2) == 0 { dictionary.attributes = ["_metadata": ["version": 1]] }
      return .dictionary(dictionary)
    case 15, 16: return .tensor(try tensor())
    default:
      return .object(
        OpaqueObject(
          below(2) == 0 ? .reduce : .newObjectWithKeywords(["k": 1]), callable: .global(PickleGlobal("my.module", "C")),
          arguments: .tuple(try values(depth)), items: try values(depth),
          pairs: CheckpointDictionary([(try key(), try value(depth: depth - 1))]),
          state: below(2) == 0 ? nil : try value(depth: depth - 1)))
    }
  }

  mutating func values(_ depth: Int) throws -> [Checkpoint] {
    var values: [Checkpoint] = []
    for _ in 0..<below(6) { values.append(try value(depth: depth - 1)) }
    return values
  }

  mutating func key() throws -> Checkpoint {
    switch below(5) {
    case 0: return .int(Int64(below(100) - 50))
    case 1: return .tuple([.int(Int64(below(5))), .string("t")])
    case 2: return .bytes(bytes(3))
    default: return .string("key\(below(50))")
    }
  }

  mutating func tensor() throws -> Tensor {
    let plain = DType.allCases.filter { !$0.rawValue.hasPrefix("q") }
    let dtype = plain[below(plain.count)]
    let storage: TensorStorage
    if !storages.isEmpty, below(2) == 0 {
      storage = storages[below(storages.count)]
    } else {
      storage = TensorStorage(bytes(below(8) * 16 + below(3)), location: below(2) == 0 ? "cpu" : "cuda:0")
      storages.append(storage)
    }
    let room = storage.byteCount / dtype.itemSize
    let start = room > 0 ? below(room) : 0
    let count = room - start
    let shape = count > 3 && below(2) == 0 ? [2, count / 2] : [count]
    let strides = shape.count == 2 && below(2) == 0 ? [1, 2] : nil
    return try Tensor(
      dtype: dtype, shape: shape, strides: strides, byteOffset: start * dtype.itemSize, storage: storage,
      requiresGrad: below(2) == 0, isParameter: below(2) == 0)
  }
}
