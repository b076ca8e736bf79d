import CairnCore
import CairnSystem

/// Decompression of deflated entries, with zlib.
enum Inflation {
  /// The inflated data of `entry`, not checked against its CRC-32.
  ///
  /// Takes as much memory as the entry says its content has, which must be possible for its compressed size.
  static func inflate(_ entry: ZipArchive.Entry, in source: some ByteSource) throws -> [UInt8] {
    // Deflate makes at most 1,032 bytes of one: a larger claim is false, and only meant to take memory.
    guard entry.uncompressedSize / 1032 <= entry.compressedSize else {
      throw FormatError(
        .zip, path: source.name,
        "entry \(entry.name) cannot have \(entry.uncompressedSize) bytes in \(entry.compressedSize) compressed ones")
    }
    var stream = z_stream()
    guard inflateInit2_(&stream, -15, zlibVersion(), Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw FormatError(.zip, path: source.name, "entry \(entry.name): no memory to decompress it")
    }
    defer { inflateEnd(&stream) }

    let damaged = FormatError(
      .zip, path: source.name, "entry \(entry.name): its compressed data is damaged or has another size than it says")
    var input = [UInt8](repeating: 0, count: min(entry.compressedSize, 1 << 16))
    var read = 0
    // One byte more than wanted, so that content that is too long shows.
    let capacity = entry.uncompressedSize + 1
    return try [UInt8](unsafeUninitializedCapacity: capacity) { output, filled in
      var produced = 0
      var status = Z_OK
      while status == Z_OK {
        let count = min(input.count, entry.compressedSize - read)
        guard count > 0 else { throw damaged }
        try input.withUnsafeMutableBytes {
          try source.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[..<count]), at: entry.dataOffset + read)
        }
        read += count
        try input.withUnsafeMutableBufferPointer { piece in
          stream.next_in = piece.baseAddress
          stream.avail_in = UInt32(count)
          repeat {
            let room = min(capacity - produced, 1 << 30)
            guard room > 0 else { throw damaged }
            stream.next_out = output.baseAddress?.advanced(by: produced)
            stream.avail_out = UInt32(room)
            status = CairnSystem.inflate(&stream, Z_NO_FLUSH)
            produced += room - Int(stream.avail_out)
            // Nothing more to be had of this piece.
            if status == Z_BUF_ERROR, stream.avail_in == 0 { status = Z_OK }
          } while status == Z_OK && (stream.avail_in > 0 || stream.avail_out == 0)
        }
      }
      guard status == Z_STREAM_END, produced == entry.uncompressedSize, read == entry.compressedSize,
        stream.avail_in == 0
      else { throw damaged }
      filled = produced
    }
  }
}
