import CairnCore

/// The bytes of a storage as a reader of elements wants them: streamed through a small window, or all in memory for one
/// that jumps about.
final class ElementBytes {
  /// How much is read at once around small pieces.
  static let windowSize = 64 * 1024

  private enum Place {
    case stream(any ByteSource)
    case memory(MemoryRegion)
  }

  private let place: Place
  private let window: UnsafeMutableRawBufferPointer
  private var held = 0..<0

  /// Bytes that are read when they are asked for.
  init(streaming source: any ByteSource) {
    place = .stream(source)
    window = .allocate(byteCount: Self.windowSize, alignment: 64)
  }

  /// Bytes that are in memory.
  init(_ region: MemoryRegion) {
    place = .memory(region)
    window = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  }

  deinit { window.deallocate() }

  /// Fills `target`; for large pieces.
  func copy(at offset: Int, into target: UnsafeMutableRawBufferPointer) throws {
    if target.isEmpty { return }
    switch place {
    case .stream(let source): try source.read(into: target, at: offset)
    case .memory(let region):
      guard offset >= 0, target.count <= region.byteCount - offset else { throw beyond(offset) }
      target.copyMemory(from: UnsafeRawBufferPointer(rebasing: region.bytes[offset..<offset + target.count]))
    }
  }

  /// Fills `target`; for small pieces that lie near each other.
  func copyNear(at offset: Int, into target: UnsafeMutableRawBufferPointer) throws {
    if target.count >= Self.windowSize / 2 { return try copy(at: offset, into: target) }
    if target.isEmpty { return }
    let found = try near(offset, atLeast: target.count, isSparse: false)
    target.copyMemory(from: UnsafeRawBufferPointer(rebasing: found[..<target.count]))
  }

  /// The bytes from `offset` on, as many as are at hand, `count` at least and at most half a window; valid until the
  /// next call. `isSparse` says that those behind are not of interest.
  func near(_ offset: Int, atLeast count: Int, isSparse: Bool) throws -> UnsafeRawBufferPointer {
    switch place {
    case .memory(let region):
      guard offset >= 0, count <= region.byteCount - offset else { throw beyond(offset) }
      return UnsafeRawBufferPointer(rebasing: region.bytes[offset...])
    case .stream(let source):
      if !(held.contains(offset) && count <= held.upperBound - offset) {
        let length = isSparse ? count : min(Self.windowSize, source.size - offset)
        guard offset >= 0, length >= count else { throw beyond(offset) }
        held = 0..<0
        try source.read(into: UnsafeMutableRawBufferPointer(rebasing: window[..<length]), at: offset)
        held = offset..<offset + length
      }
      return UnsafeRawBufferPointer(rebasing: window[(offset - held.lowerBound)..<held.count])
    }
  }

  private func beyond(_ offset: Int) -> CairnError {
    CairnError(.invalid, "a tensor's elements at byte \(offset) lie beyond its storage")
  }
}
