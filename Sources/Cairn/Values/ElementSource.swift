import CairnCore

/// A tensor's elements, and where to read them.
struct ElementSource: Sendable {
  let view: ElementView
  /// Whether the numbers lie in the other byte order than this machine's.
  let isSwapped: Bool
  /// The storage, read when it is asked for.
  let stream: @Sendable () -> any ByteSource
  /// The storage in memory, mapped if it can be.
  let memory: @Sendable () throws -> MemoryRegion

  /// A reader of its own for whoever goes through the elements in this order, as its view of that number.
  func reader(_ order: ElementOrder, _ index: Int) throws -> ElementReader {
    let bytes = order.isAscending(index) ? ElementBytes(streaming: stream()) : ElementBytes(try memory())
    return ElementReader(view, order, index, bytes: bytes, isSwapped: isSwapped)
  }
}
