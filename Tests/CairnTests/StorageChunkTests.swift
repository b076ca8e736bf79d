import CairnCore
import Testing

@testable import Cairn

@Suite struct StorageChunkTests {
  @Test func theChunksThatAStretchReachesOverAreFound() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<200 {
      let chunks = (0..<Int.random(in: 0...12, using: &random)).map { number in
        TensorCatalog.Chunk(digest: Digest(hashing: [UInt8(number)]), length: Int.random(in: 1...9, using: &random))
      }
      let storage = StorageChunks(chunks)
      let size = chunks.reduce(0) { $0 + $1.length }
      for from in 0...size {
        for to in from...size {
          var expected: [Int] = []
          var start = 0
          for chunk in chunks {
            if from < to, start < to, start + chunk.length > from { expected.append(start) }
            start += chunk.length
          }
          let found = storage.reaching(over: from..<to).filter { from < to && $0.1 < to && $0.1 + $0.0.length > from }
          #expect(found.map(\.1) == expected)
          #expect(Array(storage.reaching(over: from..<to)).count <= expected.count + 1)
        }
      }
    }
  }
}
