import Glibc
import Synchronization
import Testing

@testable import CairnCore

/// A state in the memory of a training, which goes on changing it between its saves, and during them.
private final class Training: ByteSource, @unchecked Sendable {
  // Unchecked: some tests write while a save reads, as a training does.
  let memory: UnsafeMutableRawBufferPointer
  let isInPlace: Bool
  let name = "memory"
  let mayRecur = true
  /// How many bytes were copied out: what was known where it lay is not.
  let copied = Atomic(0)

  let preferredReadSize: Int

  init(_ bytes: [UInt8], isInPlace: Bool = true, readSize: Int = 128 * 1024) {
    preferredReadSize = readSize
    memory = .allocate(byteCount: bytes.count, alignment: 64)
    memory.copyBytes(from: bytes)
    self.isInPlace = isInPlace
  }

  deinit { memory.deallocate() }

  var size: Int { memory.count }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    copied.add(buffer.count, ordering: .relaxed)
    buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[offset..<offset + buffer.count]))
  }

  func withBytesInPlace<Result>(
    at offset: Int, count: Int, _ body: (UnsafeRawBufferPointer) -> Result
  ) -> Result? {
    isInPlace ? body(UnsafeRawBufferPointer(rebasing: memory[offset..<offset + count])) : nil
  }

  var bytes: [UInt8] { Array(memory) }
}

extension Repository {
  @discardableResult
  fileprivate func save(_ training: Training, _ path: String) throws -> SaveReport {
    try save(
      CheckpointContent(content: .state(skeleton: .inline([])), tensors: [], metadata: [:], sources: [training]),
      SaveRequest(path: path))
  }
}

extension VerifyOptions {
  fileprivate static var readingData: Self {
    var options = Self()
    options.readData = true
    return options
  }
}

@Suite struct ChunkMemoryTests {
  @Test func onlyWhatHasChangedIsCopiedAndHashed() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let training = Training(bytes(10 * 65_536 + 100, seed: 1))
    try repository.save(training, "a")
    #expect(training.copied.exchange(0, ordering: .relaxed) == training.size)
    let first = training.bytes
    training.memory[3 * 65_536 + 5] ^= 1
    #expect(try repository.save(training, "b").newBytes == 65_536)
    // The changed chunk, and the last one, which is too short to be remembered.
    #expect(training.copied.load(ordering: .relaxed) == 65_536 + 100)
    #expect(try repository.load("a") == [first])
    #expect(try repository.load("b") == [training.bytes])
  }

  @Test(arguments: [true, false])
  func everyChangeIsSeen(isInPlace: Bool) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    var random = SeededGenerator(seed: 7)
    let training = Training(bytes(8 * 65_536, seed: 1), isInPlace: isInPlace)
    for round in 0..<60 {
      for _ in 0..<Int.random(in: 0...3, using: &random) {
        // One bit, anywhere; at times back to what it was.
        let place = [0, 65_535, 65_536, 200_000, training.size - 1].randomElement(using: &random) ?? 0
        training.memory[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      }
      try repository.save(training, "round-\(round)")
      #expect(try repository.load("round-\(round)") == [training.bytes])
    }
    #expect(try repository.verify(.readingData).problems == [])
  }

  @Test(arguments: [(true, 128 * 1024), (true, 100_001), (false, Int.max), (false, 0)])
  func aChangeInAnyPieceOfAChunkIsSeen(isInPlace: Bool, readSize: Int) throws {
    let scratch = try Scratch()
    let size = 4 * ChunkMemory.pieceLength
    let repository = try Repository.initialize(scratch.path + "/.cairn", chunkSize: size)
    let piece = ChunkMemory.pieceLength
    let training = Training(bytes(size - 100, seed: 1), isInPlace: isInPlace, readSize: readSize)
    func saveAndLoad(_ path: String, new: Int) throws {
      #expect(try repository.save(training, path).newBytes == new)
      #expect(try repository.load(path) == [training.bytes])
      training.copied.store(0, ordering: .relaxed)
      #expect(try repository.save(training, path + "-again").newBytes == 0)
      #expect(training.copied.load(ordering: .relaxed) == (isInPlace ? 0 : training.size))
    }
    try saveAndLoad("first", new: training.size)
    for place in [0, piece - 1, piece, 2 * piece + 5, training.size - 1] {
      training.memory[place] ^= 1
      try saveAndLoad("changed-\(place)", new: training.size)
    }
    let start = Array(training.memory[..<piece])
    UnsafeMutableRawBufferPointer(rebasing: training.memory[..<piece])
      .copyMemory(from: UnsafeRawBufferPointer(rebasing: training.memory[piece..<2 * piece]))
    UnsafeMutableRawBufferPointer(rebasing: training.memory[piece..<2 * piece]).copyBytes(from: start)
    try saveAndLoad("exchanged", new: training.size)
  }

  @Test func whatWasRemovedMeanwhileIsWrittenAnew() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let training = Training(bytes(4 * 65_536, seed: 1))
    try repository.save(training, "a")
    _ = try Repository(opening: scratch.path).remove(PathName(path: "a"))
    #expect(scratch.blobFiles().isEmpty)
    #expect(try repository.save(training, "b").newBytes == training.size)
    #expect(try Repository(opening: scratch.path).load("b") == [training.bytes])
  }

  @Test func whatIsFoundBadIsWrittenAnew() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let training = Training(bytes(4 * 65_536, seed: 1))
    try repository.save(training, "a")
    let file = scratch.path + "/.cairn/blobs/" + (try #require(scratch.blobFiles().first { !$0.contains(".") }))
    #expect(truncate(file, 100) == 0)
    try repository.save(training, "b")
    #expect(try repository.load("b") == [training.bytes])
  }

  @Test func aTrainingThatGoesOnGetsSomeMomentUnderItsOwnDigest() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let training = Training(bytes(16 * 65_536, seed: 1))
    let isOver = Atomic(false)
    try onThreads(2) { index in
      if index == 0 {
        var random = SeededGenerator(seed: 3)
        while !isOver.load(ordering: .relaxed) {
          training.memory[Int.random(in: 0..<training.size, using: &random)] &+= 1
        }
      } else {
        defer { isOver.store(true, ordering: .relaxed) }
        for round in 0..<20 { try repository.save(training, "round-\(round)") }
      }
    }
    #expect(try repository.verify(.readingData).problems == [])
  }

  @Test func whatIsRememberedIsBounded() {
    let memory = ChunkMemory(capacity: 100)
    func fingerprint(_ number: Int) -> ChunkFingerprint? {
      withUnsafeBytes(of: number) { memory.fingerprint(of: $0) }
    }
    for number in 0..<1_000 {
      guard let print = fingerprint(number) else { continue }
      memory.remember(print, Digest(hashing: [UInt8(number & 255)]))
    }
    let kept = (0..<1_000).filter { fingerprint($0).flatMap { memory.digest(of: $0) } != nil }
    #expect(kept.count <= 200)
    #expect(kept.last == 999)
    #expect(Set((0..<1_000).map(fingerprint)).count == 1_000)
  }
}
