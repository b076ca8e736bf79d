import Cairn
import Synchronization
import Testing

@Suite struct StateTensorTests {
  @Test func valuesComeBackInOrderHoweverTheyLie() throws {
    let tensor = try Tensor([0, 1, 2, 3, 4, 5] as [Float], shape: [2, 3])
    #expect(tensor.strides == [3, 1])
    #expect(tensor.isContiguous)
    #expect(try tensor.values(as: Float.self) == [0, 1, 2, 3, 4, 5])
    let transposed = try Tensor(dtype: .float32, shape: [3, 2], strides: [1, 3], storage: tensor.storage)
    #expect(!transposed.isContiguous)
    #expect(try transposed.values(as: Float.self) == [0, 3, 1, 4, 2, 5])
    let part = try Tensor(dtype: .float32, shape: [2], strides: [2], byteOffset: 4, storage: tensor.storage)
    #expect(try part.values(as: Float.self) == [1, 3])
    let expanded = try Tensor(dtype: .float32, shape: [2, 2], strides: [0, 1], storage: tensor.storage)
    #expect(try expanded.values(as: Float.self) == [0, 1, 0, 1])
    #expect(try Tensor(scalar: 7 as Int32).values(as: Int32.self) == [7])
    #expect(try Tensor([] as [Double], shape: [0, 3]).values(as: Double.self).isEmpty)
  }

  @Test func equalityLooksAtElementsAndNotAtTheirPlaces() throws {
    let row = try Tensor([1, 2, 3, 4] as [Int16], shape: [2, 2])
    let column = try Tensor(
      dtype: .int16, shape: [2, 2], strides: [1, 2], storage: Tensor([1, 3, 2, 4] as [Int16]).storage)
    #expect(row == column)
    #expect(try row != Tensor([1, 2, 3, 5] as [Int16], shape: [2, 2]))
    #expect(try row != Tensor([1, 2, 3, 4] as [Int16], shape: [4]))
    #expect(try row != Tensor([1, 2, 3, 4] as [UInt16], shape: [2, 2]))
  }

  @Test func viewsBeyondTheirStorageAreRefused() {
    let storage = TensorStorage(byteCount: 16)
    for (shape, strides, offset) in [
      ([5], [1], 0), ([4], [1], 4), ([2], [4], 0), ([-1], [1], 0), ([1], [-1], 0), ([1], [1], -4), ([1], [1], 2),
      ([Int.max], [Int.max], 0), ([Int.max, 2], [0, 0], 0), ([1, 1], [1], 0), ([1], [1], Int.max - 3),
    ] {
      #expect(throws: TensorError.self) {
        try Tensor(dtype: .float32, shape: shape, strides: strides, byteOffset: offset, storage: storage)
      }
    }
    #expect(throws: TensorError.self) { try Tensor([1, 2] as [Float], shape: [3]) }
    #expect(throws: TensorError.self) { try Tensor(scalar: 1 as Float).values(as: Int32.self) }
  }

  @Test func anyByteIsABoolean() throws {
    let tensor = try Tensor(dtype: .bool, shape: [3], storage: TensorStorage([0, 1, 7]))
    #expect(try tensor.values(as: Bool.self) == [false, true, true])
  }

  @Test func borrowedMemoryIsReleasedOnce() {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 4, alignment: 8)
    memory.copyBytes(from: [1, 2, 3, 4])
    defer { memory.deallocate() }
    let releases = Atomic(0)
    do {
      let counter = Counter(releases: { releases.add(1, ordering: .relaxed) })
      let storage = TensorStorage(wrapping: memory, location: "cuda:1") { counter.releases() }
      storage.withUnsafeMutableBytes { $0[0] = 9 }
      #expect(storage.bytes == [9, 2, 3, 4])
      #expect(storage.location == "cuda:1")
    }
    #expect(releases.load(ordering: .relaxed) == 1)
  }

  @Test func numbersOfEveryTypeAreReadFromTheirBytes() {
    func number(_ dtype: DType, _ bytes: [UInt8]) -> Double? { bytes.withUnsafeBytes { dtype.number(in: $0) } }
    #expect(number(.float16, [0x00, 0x3C]) == 1)
    #expect(number(.float16, [0x01, 0x00]) == 0x1p-24)
    #expect(number(.float16, [0x00, 0xFC]) == -.infinity)
    #expect(number(.bfloat16, [0x80, 0xBF]) == -1)
    #expect(number(.int8, [0xFF]) == -1)
    #expect(number(.bool, [2]) == 1)
    #expect(number(.float32, [0, 0]) == nil)
  }
}

private struct Counter: Sendable {
  let releases: @Sendable () -> Void
}
