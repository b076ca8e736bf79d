import CairnCore
import CairnFormats

/// What is known of a tensor's own bytes without reading them.
struct TensorBytes: Sendable, Hashable {
  /// A part of a chunk in which some of the tensor's bytes lie.
  struct Piece: Sendable, Hashable {
    var digest: Digest
    var from: Int
    var to: Int
    /// Whether it is all of the chunk: then another digest means other bytes.
    var isWhole: Bool
  }

  /// Two of these are the same: the tensors have the same type, shape and elements.
  let dtype: String
  let shape: [Int]
  /// Without those along dimensions of one element.
  let strides: [Int]
  /// Whether the numbers lie in the other byte order; false where that does not matter.
  let isSwapped: Bool
  /// The stretches of chunks that the tensor reaches over, from its first byte to its last.
  let pieces: [Piece]
  /// Whether all of these bytes are the tensor's: a slice has bytes of others between its own.
  let isDense: Bool

  init(_ view: ElementView, in storage: StorageChunks, isSwapped isStorageSwapped: Bool) {
    dtype = view.dtype
    shape = view.tensorShape
    strides = view.canonicalStrides
    isSwapped = isStorageSwapped && view.format.componentSize > 1
    isDense = view.isDense
    var found: [Piece] = []
    for (chunk, start) in storage.reaching(over: view.span) {
      let part = (start..<start + chunk.length).clamped(to: view.span)
      if part.isEmpty { continue }
      found.append(
        Piece(
          digest: chunk.digest, from: part.lowerBound - start, to: part.upperBound - start,
          isWhole: part.count == chunk.length))
    }
    pieces = found
  }

  enum Equality {
    case same, different
    /// The bytes lie in differently cut or ordered storages, or share their chunks with others: only reading them tells.
    case unknown
  }

  /// Whether two tensors of the same type and shape have the same elements.
  func equality(_ other: TensorBytes) -> Equality {
    if self == other { return .same }
    guard strides == other.strides, isSwapped == other.isSwapped, isDense, other.isDense else { return .unknown }
    // Both are runs of bytes in the same order. As long as the pieces are equally long, each is about the same bytes.
    for (mine, theirs) in zip(pieces, other.pieces) where mine != theirs {
      guard mine.to - mine.from == theirs.to - theirs.from else { return .unknown }
      if mine.isWhole, theirs.isWhole { return .different }
    }
    return .unknown
  }
}
