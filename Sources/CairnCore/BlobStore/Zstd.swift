import CairnSystem

/// Whole-buffer compression by zstd (RFC 8878).
enum Zstd {
  /// The most bytes that `count` bytes take when they are compressed.
  static func bound(_ count: Int) -> Int { ZSTD_compressBound(count) }

  static func compress(_ bytes: [UInt8], level: Int32 = 3) throws -> [UInt8] {
    let bound = ZSTD_compressBound(bytes.count)
    return try [UInt8](unsafeUninitializedCapacity: bound) { buffer, filled in
      let result = bytes.withUnsafeBytes {
        ZSTD_compress(buffer.baseAddress, bound, $0.baseAddress, $0.count, level)
      }
      guard ZSTD_isError(result) == 0 else {
        throw CairnError(.io, "zstd: \(String(cString: ZSTD_getErrorName(result)))")
      }
      filled = result
    }
  }

  /// Decodes one frame whose header says how large its content is, which may be at most `limit` bytes.
  static func decompress(_ bytes: [UInt8], path: String, limit: Int) throws -> [UInt8] {
    let size = bytes.withUnsafeBytes { ZSTD_getFrameContentSize($0.baseAddress, $0.count) }
    // The two largest values say that the size is unknown, or that this is no frame.
    guard size < UInt64.max - 1 else { throw CairnError.damaged(path, "not a zstd frame of known size") }
    guard size <= UInt64(limit) else { throw CairnError.damaged(path, "says that it decodes to \(size) bytes") }
    return try [UInt8](unsafeUninitializedCapacity: Int(size)) { buffer, filled in
      let result = bytes.withUnsafeBytes {
        ZSTD_decompress(buffer.baseAddress, Int(size), $0.baseAddress, $0.count)
      }
      guard ZSTD_isError(result) == 0, result == Int(size) else {
        throw CairnError.damaged(path, "zstd cannot decode it")
      }
      filled = result
    }
  }
}
