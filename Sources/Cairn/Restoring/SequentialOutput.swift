/// Collects small pieces, so that a file of many is not written by as many calls.
final class SequentialOutput {
  private let file: OutputFile
  private let total: Int
  private let progress: (@Sendable (Int, Int) -> Void)?
  private var waiting: [UInt8] = []
  private(set) var written = 0

  init(_ file: OutputFile, total: Int, progress: (@Sendable (Int, Int) -> Void)?) {
    self.file = file
    self.total = total
    self.progress = progress
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws {
    if bytes.count >= 1 << 18 {
      try flush()
      try file.write(bytes, at: written)
      written += bytes.count
    } else {
      waiting.append(contentsOf: bytes)
      if waiting.count >= 1 << 20 { try flush() }
    }
    progress?(min(written, total), total)
  }

  func flush() throws {
    try waiting.withUnsafeBytes { try file.write($0, at: written) }
    written += waiting.count
    waiting.removeAll(keepingCapacity: true)
  }
}
