import CairnCore
import CairnFormats

extension Repository {
  /// Where the content of a file, or of a directory's files, occurs: which checkpoints hold these very files, and which
  /// have some of their storages.
  ///
  /// The file is read and hashed as a save would; nothing is written. What was saved without looking into it is found
  /// too. Checkpoints whose bytes are those of other tensors, or of the same ones under other names, count.
  ///
  /// - Parameters:
  ///   - limit: How many checkpoints that share some of it are listed.
  ///   - isCancelled: Asked often, from any thread: `true` ends it with ``CairnError/Kind/cancelled``.
  ///
  /// Throws ``CairnError`` if the file cannot be read, or changes meanwhile.
  public func occurrences(
    ofFile path: String, limit: Int, isCancelled: (@Sendable () -> Bool)? = nil
  ) throws -> ContentOccurrences {
    func occurrences(opaque: Bool) throws -> ContentOccurrences {
      try self.occurrences(
        of: FileContentBuilder(filesAt: path, opaque: opaque).content(), limit: limit, isCancelled: isCancelled)
    }
    do {
      let found: ContentOccurrences
      do {
        found = try occurrences(opaque: false)
      } catch let error as CairnError where error.kind == .damaged {
        return try occurrences(opaque: true)
      }
      if !found.exact.isEmpty { return found }
      let opaque = try occurrences(opaque: true)
      if opaque.exact.isEmpty { return found }
      return found.checkpointCount == 0 ? opaque : found.with(exact: opaque.exact)
    } catch let error as FileSourceError {
      throw CairnError(error)
    }
  }
}

extension ContentOccurrences {
  fileprivate func with(exact: [CheckpointReference]) -> ContentOccurrences {
    var copy = self
    copy.exact = exact
    return copy
  }
}

extension ListedTensor {
  /// The bytes of its elements; nil if the type is unknown or the shape overflows.
  public var byteCount: Int? { DType.byteCount(dtype, shape) }
}

extension TensorOccurrence {
  /// The bytes of its elements; nil if the type is unknown or the shape overflows.
  public var byteCount: Int? { DType.byteCount(dtype, shape) }
}

extension DType {
  /// The bytes of a tensor's elements; nil if the type is unknown or the shape overflows.
  static func byteCount(_ dtype: String, _ shape: [Int]) -> Int? {
    guard var bytes = DType(rawValue: dtype)?.itemSize else { return nil }
    if shape.contains(0) { return 0 }
    for length in shape {
      let (product, overflow) = bytes.multipliedReportingOverflow(by: length)
      if overflow { return nil }
      bytes = product
    }
    return bytes
  }
}
