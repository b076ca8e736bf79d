import Cairn

extension Program {
  /// Makes a repository in the test's directory, and saves a state of one tensor for each request.
  func seed(_ requests: [SaveRequest] = [], head: String = "head.weight") throws {
    let repository = try Repository.initialize(path + "/.cairn", chunkSize: 64 * 1024, journal: .wal)
    for (index, request) in requests.enumerated() { _ = try repository.save(Self.content(index, head), request) }
  }

  /// 100,000 bytes that are the same for all, and 10,000 that are not.
  private static func content(_ index: Int, _ head: String) -> CheckpointContent {
    let shared = (0..<100_000).map { UInt8(truncatingIfNeeded: ($0 &* $0) >> 7) }
    let own = (0..<10_000).map { UInt8(truncatingIfNeeded: ($0 &* (index + 3)) >> 3) }
    return CheckpointContent(
      content: .state(skeleton: .inline([0x80, 2, 0x7D, 0x2E])),
      tensors: [
        TensorEntry(
          name: "backbone.weight", dtype: "uint8", shape: [1_000, 100], strides: [100, 1], byteOffset: 0, storage: 0),
        TensorEntry(
          name: head, dtype: "float32", shape: [50, 50], strides: [50, 1], byteOffset: 0, storage: 1),
      ],
      metadata: ["globalStep": .int(Int64(index))],
      sources: [BytesSource(shared, name: "shared"), BytesSource(own, name: "own")])
  }
}

/// A request with what a test cares for.
func request(
  _ path: String, run: String? = nil, step: Int? = nil, epoch: Int? = nil, metrics: [String: Double] = [:],
  tags: [String] = [], metadata: [String: JSONValue] = [:]
) -> SaveRequest {
  var request = SaveRequest(path: path)
  request.run = run
  request.step = step
  request.epoch = epoch
  request.metrics = metrics
  request.tags = tags
  request.metadata = metadata
  return request
}
